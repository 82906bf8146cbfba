import { defineConfig } from "vitest/config";

// `*.long.test.ts` files (soak, crash loops, full disks) run only in the long suite, `npm run test:long`.
// That suite also runs the default tests, which may read LONG to try more cases.
const long = process.env["LONG"] === "1";
const second = 1_000;
const minute = 60 * second;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "clients/typescript/test/**/*.test.ts"],
    exclude: long ? [] : ["test/**/*.long.test.ts"],
    pool: "forks",
    testTimeout: long ? 30 * minute : 30 * second,
    hookTimeout: long ? 5 * minute : 30 * second,
  },
});
