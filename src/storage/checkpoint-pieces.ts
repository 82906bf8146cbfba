import { BLOCK_SIZE, EntryBlock } from "./entry-block.js";
import type { ImageReader, ImageWriter } from "./image.js";
import { OrderImage } from "./order-image.js";
import type { SocketQueue } from "./socket-queue.js";
import type { State } from "./state.js";
import type { TimelineImage } from "./timeline.js";

/** A piece has about so many entries or anchors, so that encoding one does not hold the event loop for long. */
const PIECE_NUMBERS = 16_384;

/** What the pieces of a checkpoint are of. */
const ENTRIES = 1;
const TIMELINE = 2;
const QUEUES = 3;
/** Where a queue ended that did not. */
const NONE = -1;

/** The order of one queue as it was. */
export interface QueueOrder {
  readonly number: number;
  readonly epochRevision: number;
  readonly order: OrderImage;
  /** Of a queue that ended: how many broadcasts the timeline had by then. */
  readonly endIndex: number | undefined;
}

/** Adds what is in a piece to its image. */
export type Fill = (image: ImageWriter) => void;

/** Copies what a checkpoint holds now, as pieces to encode later. */
export function copyPieces(state: State): Fill[] {
  const blocks = [...state.entries.blocks()];
  const living = [...state.queues()].map((queue) => copyQueue(queue, undefined));
  const ended = state.endedQueues().map(({ queue, endIndex }) => copyQueue(queue, endIndex));
  return [
    fillTimeline(state.timeline.image()),
    ...inParts(blocks, () => BLOCK_SIZE).map(fillEntries),
    ...inParts([...living, ...ended], ({ order }) => order.count).map(fillQueues),
  ];
}

function copyQueue({ number, epochRevision, order }: SocketQueue, endIndex: number | undefined): QueueOrder {
  return { number, epochRevision, order: order.image(), endIndex };
}

function inParts<T>(all: readonly T[], weigh: (one: T) => number): T[][] {
  const parts: T[][] = [];
  let left = 0;
  for (const one of all) {
    if (left <= 0) {
      parts.push([]);
      left = PIECE_NUMBERS;
    }
    parts.at(-1)?.push(one);
    left -= weigh(one);
  }
  return parts;
}

function fillTimeline({ chunks, revisions }: TimelineImage): Fill {
  return (image) => {
    image.number(TIMELINE);
    image.numbers(Float64Array.from(chunks), chunks.length);
    image.numbers(Float64Array.from(revisions), revisions.length);
  };
}

/** What becomes of entries meanwhile does no harm: a start leaves out what was removed, and erases what was erased. */
function fillEntries(blocks: readonly (readonly [number: number, block: EntryBlock])[]): Fill {
  return (image) => {
    image.number(ENTRIES);
    for (const [number, block] of blocks) {
      image.number(number);
      block.write(image);
    }
  };
}

function fillQueues(queues: readonly QueueOrder[]): Fill {
  return (image) => {
    image.number(QUEUES);
    for (const { number, epochRevision, order, endIndex } of queues) {
      image.number(number);
      image.number(epochRevision);
      image.number(endIndex ?? NONE);
      order.write(image);
    }
  };
}

/** What is in a piece: one of these. */
export interface PieceParts {
  readonly timeline: TimelineImage | undefined;
  readonly blocks: readonly { readonly number: number; readonly block: EntryBlock }[];
  readonly queues: readonly QueueOrder[];
}

/** What `copyPieces` put into an image. */
export function partsOf(image: ImageReader): PieceParts {
  const kind = image.number();
  const isTimeline = kind === TIMELINE;
  const timeline = isTimeline ? { chunks: [...image.numbers()], revisions: [...image.numbers()] } : undefined;
  const blocks: { number: number; block: EntryBlock }[] = [];
  while (kind === ENTRIES && !image.isAtEnd) blocks.push({ number: image.number(), block: EntryBlock.read(image) });
  const queues: QueueOrder[] = [];
  while (kind === QUEUES && !image.isAtEnd) {
    const [number, epochRevision, endIndex] = [image.number(), image.number(), image.number()];
    const order = OrderImage.read(image);
    queues.push({ number, epochRevision, endIndex: endIndex === NONE ? undefined : endIndex, order });
  }
  return { timeline, blocks, queues };
}
