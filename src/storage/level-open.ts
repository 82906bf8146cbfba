import { Answers } from "./answers.js";
import { receiptsRange } from "./keys.js";
import { isCorruption } from "./level-errors.js";
import { clear, isSuspect, openLevel, salvage } from "./level-files.js";
import { LevelLog, type LogHooks } from "./level-log.js";
import type { LogOptions } from "./level-options.js";
import { sourceOf } from "./level-source.js";
import { isDamaged, isRenewed, recover } from "./recovery.js";
import { Witness } from "./witness.js";

/** Not everything that was written is in LevelDB's files, or not as it was written. */
class DamagedFiles extends Error {
  override readonly name = "DamagedFiles";
}

/**
 * Opens LevelDB, recovers the state, and mends what can be mended. When something is damaged, what can be read of
 * LevelDB's files is taken to new ones first: a key that is wrong in one of them makes what LevelDB finds a matter of
 * chance, and when it cannot merge them it soon takes no write.
 *
 * @param isKnown whether it is known before that something is damaged
 */
export async function openLog(options: LogOptions, hooks: LogHooks, isKnown: boolean): Promise<LevelLog> {
  const isSalvaged = isKnown || isSuspect(options.folder);
  if (isSalvaged) await salvage(options.folder);
  try {
    const log = await openFiles(options, hooks, isSalvaged);
    clear(options.folder);
    return log;
  } catch (error) {
    const isNews = error instanceof DamagedFiles || isCorruption(error);
    if (isSalvaged || !isNews) throw error;
    return await openLog(options, hooks, true);
  }
}

async function openFiles(options: LogOptions, hooks: LogHooks, isSalvaged: boolean): Promise<LevelLog> {
  const db = await openLevel(options.folder);
  let witness: Witness | undefined;
  try {
    // Only now, because the witness belongs to whoever has the log.
    witness = new Witness(options.folder);
    const source = sourceOf(db);
    const recovered = await recover(source, witness.read(), isSalvaged);
    const damaged = isDamaged(recovered.damage);
    if (damaged && !isSalvaged) throw new DamagedFiles("LevelDB's files are damaged");
    const isNumberedAnew = isRenewed(recovered.damage);
    const answers = await Answers.read(source.rows, options.log);
    // Receipts would tell of other messages.
    if (isNumberedAnew) await db.clear(receiptsRange);
    const log = new LevelLog({ db, recovered, answers, witness, options, hooks });
    if (recovered.isNew || isNumberedAnew) await log.mend();
    return log;
  } catch (error) {
    witness?.close();
    await db.close();
    throw error;
  }
}
