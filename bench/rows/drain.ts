/** An AUTO Read of a long queue, beside a stream of frames that were encoded before. */
import { openArena, type Row, type Side, withCpu } from "../row.js";

const MESSAGES = 100_000;

export const drainRows: Row[] = [
  {
    name: `drain ${MESSAGES.toLocaleString("en")} AUTO`,
    unit: "messages/s",
    beside: "raw frames of 100",
    bar: "≥ 0.30",
    async prepare({ scale }) {
      const messages = MESSAGES * scale;
      const { ours, ceiling, load, close } = await openArena({});
      await load.call("createSockets", ours.address, 1);
      const drain = async (side: Side) => {
        const { ms, cpuMs } = await withCpu(side, async () => ({
          ms: await load.call("drain", side.address, messages),
        }));
        return { value: (messages / ms) * 1_000, cpuUs: (cpuMs * 1_000) / messages };
      };
      return {
        async ours() {
          await load.call("fill", ours.address, messages);
          return await drain(ours);
        },
        ceiling: () => drain(ceiling),
        close,
      };
    },
  },
];
