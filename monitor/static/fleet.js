// The list of rooms, worst first: a mark and a word, the newest values, the last ten minutes.

import { fetchSeries } from "./api.js";
import { channelsOf } from "./channels.js";
import { CONDITIONS, byUrgency, conditionOf } from "./conditions.js";
import { element, setText } from "./dom.js";
import { measure } from "./format.js";
import { Series } from "./series.js";
import { sparkline } from "./sparkline.js";

const SPARK_MS = 600_000;
const SPARK_POINTS = 60;

export class FleetList {
  #rows = new Map(); // id to {item, link, ...}
  #sparks = new Map(); // id to Series

  constructor(list) {
    this.list = list;
  }

  /** Show these devices; `chosen` is the id of the one that is open. */
  show(devices, chosen, nowMs) {
    const sorted = [...devices].sort(byUrgency(nowMs));
    for (const device of sorted) {
      if (!this.#rows.has(device.id)) this.#add(device);
      this.#fill(this.#rows.get(device.id), device, conditionOf(device, nowMs), device.id === chosen);
    }
    const order = sorted.map((device) => this.#rows.get(device.id).item);
    if (order.some((item, i) => this.list.children[i] !== item)) this.#reorder(order);
    this.list.classList.toggle("empty", devices.length === 0);
  }

  /** New records of one device, for its sparkline. */
  addRecords(id, records) {
    const series = this.#sparks.get(id);
    if (!series) return;
    for (const record of records) series.append(record);
    if (series.lastMs !== null) series.trim(series.lastMs - SPARK_MS);
    this.#drawSpark(id);
  }

  /** Its records have other times than they had. */
  reload(device) {
    if (device && this.#rows.has(device.id)) this.#loadSpark(device);
  }

  #add(device) {
    const mark = element("span", { class: "mark", "aria-hidden": "true" });
    const name = element("span", { class: "name" }, device.id);
    const word = element("span", { class: "word" });
    const values = element("span", { class: "values" });
    const spark = element("span", { class: "spark-box" });
    const link = element("a", { href: `#/device/${encodeURIComponent(device.id)}`, "data-testid": "device-row", "data-device": device.id },
      mark, element("span", { class: "who" }, name, word), element("span", { class: "what" }, values, spark));
    this.#rows.set(device.id, { item: element("li", {}, link), link, word, values, spark });
    this.#loadSpark(device);
  }

  #fill(row, device, condition, chosen) {
    row.link.dataset.condition = condition;
    if (chosen) row.link.setAttribute("aria-current", "page");
    else row.link.removeAttribute("aria-current");
    setText(row.word, CONDITIONS[condition].word);
    const newest = device.newest?.values ?? {};
    setText(row.values, channelsOf(device).slice(0, 2).map((channel) => measure(newest[channel.key], channel.unit)).join("  "));
  }

  #reorder(order) {
    const focused = document.activeElement;
    this.list.replaceChildren(...order);
    if (this.list.contains(focused)) focused.focus({ preventScroll: true });
  }

  async #loadSpark(device) {
    const newestMs = device.newest?.ts_ms;
    if (newestMs === undefined) return;
    try {
      const columns = await fetchSeries(device.id, newestMs - SPARK_MS, null, SPARK_POINTS);
      this.#sparks.set(device.id, new Series(columns, device.info?.period_s));
      this.#drawSpark(device.id);
    } catch {
      this.#sparks.delete(device.id); // a room without its sparkline is still a room
    }
  }

  #drawSpark(id) {
    const series = this.#sparks.get(id);
    const column = Object.entries(series.channels).sort(([one]) => (one === "temperature_c" ? -1 : 1))[0]?.[1];
    if (column) this.#rows.get(id).spark.replaceChildren(sparkline(series, column.value));
  }
}
