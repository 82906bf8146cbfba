/** The version of the server, its proto and its clients, which is one. test/version.test.ts compares it with package.json. */
export const version = "0.1.0";
