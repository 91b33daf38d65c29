// The small lines beside rooms: fetched only for rows that are seen, a few at once, then moved by live records.

import { fetchSeries } from "../shell/api.js";
import { Series } from "../timeline/series.js";
import { sparkline } from "./sparkline.js";

const SPARK_MS = 600_000;
const SPARK_PERIODS = 60; // of a room that reads seldom
const SPARK_POINTS = 60;
const AT_ONCE = 3;
const KEPT_MOST = 400; // lines of rooms that are not seen any more

export class Sparks {
  #series = new Map(); // id to Series, the one that was asked for last at the end
  #wanted = new Map(); // id to device
  #asked = new Set();

  /** `isSeen(id)` tells whether it is still worth asking; `onLine(id, svg)` gets what is drawn. */
  constructor(isSeen, onLine) {
    this.isSeen = isSeen;
    this.onLine = onLine;
  }

  /** The line of a row that has come into view. */
  want(device) {
    if (this.#series.has(device.id)) {
      const series = this.#series.get(device.id);
      this.#series.delete(device.id);
      this.#series.set(device.id, series);
      this.#hear(device, series);
      this.#draw(device.id);
    } else if (device.newest && !this.#asked.has(device.id)) {
      this.#wanted.set(device.id, device);
      this.#askSome();
    }
  }

  /** It has a new record. */
  hear(device) {
    const series = this.#series.get(device.id);
    if (!series) this.want(device);
    else if (this.#hear(device, series)) this.#draw(device.id);
  }

  /** What is known of these is wrong now; of all unless an id is given. */
  forget(id = null) {
    if (id === null) this.#series.clear();
    else this.#series.delete(id);
  }

  #hear({ newest }, series) {
    const record = { q: null, expected: {}, spread: {}, ...newest };
    if (newest.state === "sensor_fault") record.q = "rejected"; // its zero would flatten the line
    if (!series.append(record)) return false;
    series.trim(series.lastMs - (series.periodMs ? lengthOf(series.periodMs) : SPARK_MS));
    return true;
  }

  #askSome() {
    for (const [id, device] of this.#wanted) {
      if (this.#asked.size >= AT_ONCE) return;
      this.#wanted.delete(id);
      if (this.isSeen(id)) this.#ask(device);
    }
  }

  async #ask(device) {
    this.#asked.add(device.id);
    try {
      const columns = await fetchSeries(device.id, device.newest.ts_ms - lengthOf((device.info?.period_s ?? 0) * 1000), null, SPARK_POINTS);
      const series = new Series(columns, device.info?.period_s);
      this.#hear(device, series);
      this.#series.set(device.id, series);
      if (this.#series.size > KEPT_MOST) this.#series.delete(this.#series.keys().next().value);
      this.#draw(device.id);
    } catch {
      // a room without its line is still a room
    } finally {
      this.#asked.delete(device.id);
      this.#askSome();
    }
  }

  #draw(id) {
    const series = this.#series.get(id);
    const column = Object.entries(series.channels).sort(([one]) => (one === "temperature_c" ? -1 : 1))[0]?.[1];
    if (column && this.isSeen(id)) this.onLine(id, sparkline(series, column.value));
  }
}

const lengthOf = (periodMs) => Math.max(SPARK_MS, SPARK_PERIODS * periodMs);
