/** Where the time of a program goes: a CPU profile as V8 writes it, folded into stacks and drawn as SVG. */
import { escaped } from "./svg.js";

/** What `node --cpu-prof` writes, as far as it is needed. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[] | undefined;
  }[];
  readonly samples?: readonly number[] | undefined;
  readonly timeDeltas?: readonly number[] | undefined;
}

/** A function, called from where it stands in the tree. */
export interface Frame {
  readonly name: string;
  readonly part: Part;
  selfUs: number;
  /** With everything that it called. */
  totalUs: number;
  readonly calls: Map<string, Frame>;
}

/** Whose code it is. */
export type Part = "registry" | "grpc-js" | "protobuf" | "LevelDB" | "node" | "garbage collector" | "native";

const colors: Record<Part, string> = {
  registry: "#e8833a",
  "grpc-js": "#6a9fd8",
  protobuf: "#b48ad6",
  LevelDB: "#5fb58a",
  node: "#8fa3ad",
  "garbage collector": "#d9707a",
  native: "#c2b280",
};

/** In which part a file is; the first that fits. */
const homes: readonly [RegExp, Part][] = [
  [/\/node_modules\/@grpc\//, "grpc-js"],
  [/\/node_modules\/@bufbuild\/|\/gen\/ts\//, "protobuf"],
  [/\/node_modules\/(classic-|abstract-)?level\//, "LevelDB"],
  [/^node:|\/node_modules\//, "node"],
  [/^file:|^\//, "registry"],
];

/** No time of the program's: it waited, or the profiler worked. */
const IDLE = new Set(["(idle)", "(root)"]);

/** Adds up the samples of each stack. */
export function fold({ nodes, samples = [], timeDeltas = [] }: Profile): Frame {
  const selfUs = new Map<number, number>();
  samples.forEach((id, index) => {
    selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, timeDeltas[index] ?? 0));
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const root: Frame = { name: "all", part: "native", selfUs: 0, totalUs: 0, calls: new Map() };
  const called = new Set(nodes.flatMap(({ children = [] }) => children));

  function add(id: number, parent: Frame): number {
    const node = byId.get(id);
    if (node === undefined) return 0;
    const { functionName, url, lineNumber } = node.callFrame;
    const isIdle = IDLE.has(functionName);
    const frame = isIdle ? parent : frameOf(parent, functionName, url, lineNumber);
    const own = isIdle ? 0 : (selfUs.get(id) ?? 0);
    const total = (node.children ?? []).reduce((sum, child) => sum + add(child, frame), own);
    frame.selfUs += own;
    if (!isIdle) frame.totalUs += total;
    return total;
  }

  root.totalUs = nodes.filter(({ id }) => !called.has(id)).reduce((sum, { id }) => sum + add(id, root), 0);
  return root;
}

/** The share of each part in all time, by what ran itself, largest first. */
export function sharesOf(root: Frame): [Part, number][] {
  const shares = new Map<Part, number>();
  visit(root, ({ part, selfUs }) => shares.set(part, (shares.get(part) ?? 0) + selfUs / root.totalUs));
  return [...shares].filter(([, share]) => share > 0).sort(([, a], [, b]) => b - a);
}

/** The functions that ran longest themselves, with their share of all time. */
export function topOf(root: Frame, count: number): [string, number][] {
  const shares = new Map<string, number>();
  visit(root, ({ name, selfUs }) => shares.set(name, (shares.get(name) ?? 0) + selfUs / root.totalUs));
  return [...shares].sort(([, a], [, b]) => b - a).slice(0, count);
}

const WIDTH = 1_200;
const LINE = 17;
const HEAD = 44;
/** What is narrower than this, in pixels, is left out. */
const NARROW = 0.6;
/** How wide a letter of a box is, and of the head. */
const LETTER = 6.4;
const HEAD_LETTER = 7.3;

/** A picture: each box is a function, as wide as its share of the time, below the one that called it. */
export function flameSvg(root: Frame, title: string): string {
  const boxes: string[] = [];
  let depthMax = 0;
  function draw(frame: Frame, x: number, depth: number): void {
    const width = (frame.totalUs / root.totalUs) * WIDTH;
    if (width < NARROW) return;
    depthMax = Math.max(depthMax, depth);
    boxes.push(boxOf(frame, x, HEAD + depth * LINE, width, root.totalUs));
    let from = x;
    for (const call of [...frame.calls.values()].sort((a, b) => b.totalUs - a.totalUs)) {
      draw(call, from, depth + 1);
      from += (call.totalUs / root.totalUs) * WIDTH;
    }
  }
  draw(root, 0, 0);
  let place = 8;
  const legend = sharesOf(root).map(([part, share]) => {
    const text = `${part} ${(100 * share).toFixed(0)} %`;
    const box = `<rect x="${place}" y="26" width="10" height="10" fill="${colors[part]}"/>`;
    const entry = `${box}<text x="${place + 14}" y="35" class="head">${text}</text>`;
    place += 40 + text.length * HEAD_LETTER;
    return entry;
  });
  const height = HEAD + (depthMax + 1) * LINE + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10.5">
<title>${escaped(title)}</title>
<style>.head{fill:#222;font-size:12px}.back{fill:#fff}rect{stroke:#fff;stroke-width:.4}
@media (prefers-color-scheme: dark){.head{fill:#ddd}.back{fill:#0d1117}rect{stroke:#0d1117}}</style>
<rect class="back" width="${WIDTH}" height="${height}"/>
<text x="8" y="16" class="head">${escaped(title)}</text>
${legend.join("\n")}
${boxes.join("\n")}
</svg>
`;
}

function boxOf({ name, part, totalUs, selfUs }: Frame, x: number, y: number, width: number, allUs: number): string {
  const share = (us: number): string => `${((100 * us) / allUs).toFixed(1)} %`;
  const letters = Math.floor((width - 4) / LETTER);
  const text =
    letters < 3 ? "" : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escaped(name.slice(0, letters))}</text>`;
  const hint = `${name}: ${share(totalUs)}, itself ${share(selfUs)}`;
  return (
    `<g><title>${escaped(hint)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" ` +
    `height="${LINE - 1}" fill="${colors[part]}"/>${text}</g>`
  );
}

function frameOf(parent: Frame, functionName: string, url: string, lineNumber: number): Frame {
  const name = nameOf(functionName, url, lineNumber);
  const found = parent.calls.get(name);
  if (found !== undefined) return found;
  const frame: Frame = { name, part: partOf(functionName, url), selfUs: 0, totalUs: 0, calls: new Map() };
  parent.calls.set(name, frame);
  return frame;
}

/** No path of the machine is left in it. */
function nameOf(functionName: string, url: string, lineNumber: number): string {
  if (url === "") return functionName === "" ? "(native code)" : functionName;
  const name = functionName === "" ? "(anonymous)" : functionName;
  const file = url.replace(/^.*\/node_modules\//, "").replace(/^.*\/dist\/(?=src\/|gen\/)/, "");
  return `${name} ${file.replace(/^file:.*\//, "")}:${lineNumber + 1}`;
}

function partOf(functionName: string, url: string): Part {
  if (functionName === "(garbage collector)") return "garbage collector";
  return homes.find(([pattern]) => pattern.test(url))?.[1] ?? "native";
}

function visit(frame: Frame, see: (frame: Frame) => void): void {
  see(frame);
  for (const call of frame.calls.values()) visit(call, see);
}
