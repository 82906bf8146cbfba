import { type DestinationStream, type Logger, pino } from "pino";
import pretty from "pino-pretty";

export type Log = Logger;

/**
 * One line an event: JSON, or for people when they watch. Contents, prompts and contexts of sockets never come here, and
 * the log is no place for secrets either.
 *
 * @param isTerminal whether somebody watches
 */
export function createLog(level: string, isTerminal: boolean, destination?: DestinationStream): Log {
  if (destination !== undefined) return pino({ level }, destination);
  // Written at once: what is logged last, before a crash, is what is needed most.
  if (!isTerminal) return pino({ level }, pino.destination({ dest: 2, sync: true }));
  return pino({ level }, pretty({ destination: 2, sync: true, ignore: "pid,hostname", translateTime: "HH:MM:ss.l" }));
}
