// The columns behind the charts: asked for as the shown stretch moves, kept up to date by the live stream.

import { fetchSeries } from "../shell/api.js";
import { Series } from "./series.js";

const MARGIN = 0.3; // of the stretch is fetched on both sides, so that a pan has something to show at once
const POINTS_LEAST = 200;
const POINTS_MOST = 1200;
const ROWS_MOST = 8000; // then the thinned-out series is fetched again
const RECENT_MOST = 300;
const PAUSE_MS = 100; // while a person drags

export class Feed {
  #recent = []; // the newest live records, which an answer under way may not have yet
  #had = null; // {from, to, whole}: what the series covers, null is open; whole when nothing was thinned out
  #asked = null; // what is being fetched or waits for it
  #request = null;
  #timer = null;
  series = null;

  /** `onSeries()` is called when there is another series. */
  constructor(id, onSeries) {
    this.id = id;
    this.periodS = null;
    this.onSeries = onSeries;
  }

  /** Fetch what is `wanted`: {from, to, open}; `from` may be null, and open reaches to whatever is newest. */
  load(wanted, width) {
    this.#asked = { ...wanted, width };
    clearTimeout(this.#timer);
    return this.#fetch();
  }

  /** The same for a stretch that moves: after a short pause, and not at all when all of it is there. */
  follow(wanted, width) {
    clearTimeout(this.#timer);
    if (this.#covers(wanted)) {
      this.#request?.abort(); // what is on its way is of another stretch, and maybe coarser
      return;
    }
    this.#asked = { ...wanted, width };
    this.#timer = setTimeout(() => this.#fetch().catch(() => {}), PAUSE_MS);
  }

  /** Live records; false when the series must be fetched again to have them all. */
  append(records) {
    this.#recent = [...this.#recent, ...records].slice(-RECENT_MOST);
    if (!this.series || this.#had.to !== null) return true;
    const late = records.filter((record) => !this.series.append(record));
    return late.length === 0 && this.series.ts.length <= ROWS_MOST;
  }

  /** Forget what has long left the stretch that is shown. */
  trim([from, to]) {
    const kept = from - MARGIN * (to - from);
    this.series?.trim(kept);
    if (this.#had && this.#had.from !== null) this.#had.from = Math.max(this.#had.from, kept);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#request?.abort();
  }

  #covers({ from, to, open }) {
    if (!this.#had?.whole) return false;
    const left = this.#had.from === null || (from !== null && from >= this.#had.from);
    return left && (this.#had.to === null || (!open && to <= this.#had.to));
  }

  async #fetch() {
    const { from, to, open, width } = this.#asked;
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    const air = from === null ? 0 : MARGIN * (to - from);
    const had = { from: from === null ? null : from - air, to: open ? null : to + air };
    const points = Math.round(Math.min(POINTS_MOST, Math.max(POINTS_LEAST, width * (1 + 2 * MARGIN))));
    try {
      const columns = await fetchSeries(this.id, had.from, had.to, points, request.signal);
      if (request.signal.aborted) return;
      this.series = new Series(columns, this.periodS);
    } catch (error) {
      if (request.signal.aborted) return; // another stretch is wanted by now
      throw error;
    }
    this.#had = { ...had, whole: isWhole(this.series) };
    if (open) for (const record of this.#recent) this.series.append(record);
    this.onSeries();
  }
}

/** Whether every record is a row. */
function isWhole(series) {
  return !series.summed && series.count === series.state.filter((state) => state !== null).length;
}
