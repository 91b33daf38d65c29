// Which stretch of time is shown: one that follows the newest reading, or one that stays put.

export const RANGES = [
  { name: "2 min", ms: 120_000 },
  { name: "10 min", ms: 600_000 },
  { name: "1 h", ms: 3_600_000 },
  { name: "1 day", ms: 86_400_000 },
  { name: "1 week", ms: 604_800_000 },
  { name: "1 month", ms: 2_592_000_000 },
  { name: "1 year", ms: 31_536_000_000 },
  { name: "all", ms: null },
];
const FIRST_RANGE = RANGES[1];
const LEAST_MS = 2000;
const LEAST_PART = 20; // of a range is shown even when the room is younger
const SNAP = 0.01; // of the stretch: so near the newest reading it touches now
const TIME_MOST = 8.64e15; // of a JavaScript date

export class Viewport {
  #range = FIRST_RANGE; // that is followed, or was last
  #fixed = null; // [from, to] of a stretch that stays put
  firstMs = null; // of all that there is of the room
  lastMs = null;

  /** `onChange()` is called when a person has chosen another stretch. */
  constructor(onChange) {
    this.onChange = onChange;
  }

  get following() {
    return this.#fixed === null;
  }

  get range() {
    return this.following ? this.#range : null;
  }

  /** [from, to] in milliseconds; a young room is not shown beside a stretch when it was not there. */
  get window() {
    if (this.#fixed) return this.#fixed;
    const end = this.lastMs ?? Date.now();
    const { ms } = this.#range;
    if (ms === null) return [Math.min(this.firstMs ?? end - FIRST_RANGE.ms, end - 1000), end];
    return [Math.min(Math.max(end - ms, this.firstMs ?? -Infinity), end - ms / LEAST_PART), end];
  }

  /** What must be asked for to show it: {from, to, open}; `from` is null for all there is. */
  get wanted() {
    const [from, to] = this.window;
    const everything = this.following && this.#range.ms === null;
    return { from: everything ? null : from, to, open: this.following };
  }

  /** As a link carries it. */
  get query() {
    if (this.#fixed) return `from=${this.#fixed[0]}&to=${this.#fixed[1]}`;
    if (this.#range === FIRST_RANGE) return "";
    return `range=${this.#range.name ? this.#range.name.replace(" ", "") : `${Math.round(this.#range.ms / 1000)}s`}`;
  }

  /** What a link says; a broken one shows the first range. */
  take(query) {
    const [from, to] = ["from", "to"].map((name) => (query.has(name) ? Number(query.get(name)) : NaN));
    this.#fixed = null;
    this.#range = rangeOf(query.get("range") ?? "") ?? FIRST_RANGE;
    if (from < to && from >= -TIME_MOST && to <= TIME_MOST) this.#fixed = [Math.floor(from), Math.ceil(to)];
  }

  choose(range) {
    this.#range = range;
    this.#fixed = null;
    this.onChange();
  }

  /** Follow the newest reading again. */
  back() {
    this.choose(this.#range);
  }

  /** Exactly that stretch, wherever now is. */
  fix(from, to) {
    this.#fixed = [Math.floor(from), Math.ceil(Math.max(to, from + 1))];
  }

  /** From one time to another, within what there is; what touches now follows it. */
  show(from, to) {
    const end = this.lastMs ?? to;
    const first = Math.min(this.firstMs ?? from, end - LEAST_MS);
    const span = Math.min(Math.max(to - from, LEAST_MS), end - first);
    const left = Math.min(Math.max(from, first), end - span);
    if (end - (left + span) <= SNAP * span) this.#follow(end - left, left <= first);
    else this.#fixed = [Math.floor(left), Math.ceil(left + span)];
    this.onChange();
  }

  /** A factor below 1 shows less; `at` keeps its place. */
  zoom(factor, at = null) {
    const [from, to] = this.window;
    const still = at ?? (this.following ? to : (from + to) / 2);
    this.show(still - (still - from) * factor, still + (to - still) * factor);
  }

  pan(ms) {
    const [from, to] = this.window;
    this.show(from + ms, to + ms);
  }

  #follow(ms, everything) {
    this.#fixed = null;
    if (everything) this.#range = RANGES.at(-1);
    else this.#range = RANGES.find((range) => range.ms && Math.abs(range.ms - ms) < SNAP * range.ms) ?? { name: null, ms };
  }
}

/** "1h", "1 h" or "90s". */
function rangeOf(text) {
  const name = text.replaceAll(/[\s+]/g, "");
  const seconds = /^(\d{1,10})s$/.exec(name);
  if (seconds) return { name: null, ms: Math.max(LEAST_MS, 1000 * Number(seconds[1])) };
  return RANGES.find((range) => range.name.replace(" ", "") === name) ?? null;
}
