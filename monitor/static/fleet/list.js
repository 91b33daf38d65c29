// The list of rooms. Only rows that are near the screen exist, so that thousands cost no more than some.

import { channelsOf } from "../words/channels.js";
import { CONDITIONS } from "../words/conditions.js";
import { element, setText } from "../shell/dom.js";
import { factsOf } from "./facts.js";
import { measure, score } from "../words/format.js";
import { toDevice } from "../shell/routes.js";
import { Sparks } from "./sparks.js";

const WHOLE_MOST = 60; // so many rows exist all of them
const BEYOND = 8; // rows above and below those that are seen

export class RoomList {
  #rows = []; // [{device, condition}]
  #places = new Map(); // id to place in #rows
  #made = new Map(); // id to {item, link, ...} of rows that exist
  #chosen = null;
  #nowMs = 0;
  #step = 0; // height of a row with the space below it, in CSS pixels

  constructor() {
    this.node = element("ul", { id: "fleet", "data-testid": "fleet" });
    this.sparks = new Sparks((id) => this.#made.has(id), (id, svg) => this.#made.get(id).spark.replaceChildren(svg));
    this.node.addEventListener("keydown", (event) => this.#move(event));
    let frame = null;
    const again = () => {
      frame ??= requestAnimationFrame(() => {
        frame = null;
        this.#draw();
      });
    };
    addEventListener("scroll", again, { capture: true, passive: true });
    addEventListener("resize", again);
  }

  /** Show these rows; `chosen` is the id of the room that is open. */
  show(rows, chosen, nowMs) {
    this.#rows = rows;
    this.#chosen = chosen;
    this.#nowMs = nowMs;
    this.#places = new Map(rows.map(({ device }, i) => [device.id, i]));
    this.node.classList.toggle("empty", rows.length === 0);
    this.#draw();
  }

  /** A room has a new record. */
  hear(id) {
    const place = this.#places.get(id);
    if (this.#made.has(id) && place !== undefined) this.sparks.hear(this.#rows[place].device);
  }

  /** Its records have other times than they had. */
  forget(id) {
    this.sparks.forget(id);
    const place = this.#places.get(id);
    if (this.#made.has(id) && place !== undefined) this.sparks.want(this.#rows[place].device);
  }

  reload() {
    this.sparks.forget();
    this.#made.clear();
  }

  /** Focus a room's row, wherever it is; false when it is not in the list. */
  focus(id) {
    const place = this.#places.get(id);
    if (place === undefined || !this.node.checkVisibility()) return false;
    this.#draw(place);
    this.#made.get(id).link.focus();
    return true;
  }

  #draw(also = null) {
    const [first, last] = this.#window();
    const wanted = new Set();
    for (let i = first; i < last; i += 1) wanted.add(i);
    for (const place of [also, this.#places.get(document.activeElement?.dataset?.device)]) {
      if (place !== null && place !== undefined) wanted.add(place); // what has the focus must stay
    }
    const kept = new Map();
    const order = [];
    for (const place of [...wanted].sort((one, other) => one - other)) {
      const { device, condition } = this.#rows[place];
      const old = this.#made.get(device.id);
      const row = old ?? this.#make(device);
      kept.set(device.id, row);
      this.#fill(row, device, condition);
      row.item.setAttribute("aria-posinset", String(place + 1));
      row.item.setAttribute("aria-setsize", String(this.#rows.length));
      if (this.#isWindowed) row.item.style.setProperty("--at", String(place));
      order.push(row.item);
      if (!old) row.isNew = device;
    }
    this.#made = kept;
    this.node.classList.toggle("windowed", this.#isWindowed);
    this.node.style.setProperty("--rows", String(this.#rows.length));
    if (order.length !== this.node.children.length || order.some((item, i) => this.node.children[i] !== item)) this.#reorder(order);
    for (const row of kept.values()) {
      if (row.isNew) this.sparks.want(row.isNew);
      row.isNew = null;
    }
  }

  get #isWindowed() {
    return this.#rows.length > WHOLE_MOST;
  }

  /** From which row to before which row. */
  #window() {
    if (!this.#isWindowed) return [0, this.#rows.length];
    if (!this.node.checkVisibility()) return [0, 0];
    this.#step = parseFloat(getComputedStyle(this.node).getPropertyValue("--step")) || 60;
    const scroller = this.node.parentElement.getBoundingClientRect();
    const top = this.node.getBoundingClientRect().top;
    const from = Math.max(0, scroller.top) - top;
    const to = Math.min(innerHeight, scroller.bottom) - top;
    const first = Math.max(0, Math.floor(from / this.#step) - BEYOND);
    return [Math.min(first, this.#rows.length), Math.max(0, Math.min(this.#rows.length, Math.ceil(to / this.#step) + BEYOND))];
  }

  #make(device) {
    const mark = element("span", { class: "mark", "aria-hidden": "true" });
    const word = element("span", { class: "word" });
    const values = element("span", { class: "values" });
    const points = element("span", { class: "points" });
    const spark = element("span", { class: "spark-box" });
    const facts = element("span", { class: "facts" });
    const link = element("a", { href: toDevice(device.id), "data-testid": "device-row", "data-device": device.id },
      mark, element("span", { class: "who" }, element("span", { class: "name" }, device.id), word),
      element("span", { class: "what" }, values, spark), points, facts);
    return { item: element("li", {}, link), link, word, values, points, spark, facts };
  }

  #fill(row, device, condition) {
    row.link.dataset.condition = condition;
    if (device.id === this.#chosen) row.link.setAttribute("aria-current", "page");
    else row.link.removeAttribute("aria-current");
    setText(row.word, CONDITIONS[condition].word);
    const newest = device.newest?.values ?? {};
    setText(row.values, channelsOf(device).slice(0, 2).map((channel) => measure(newest[channel.key], channel.unit)).join("  "));
    const value = device.newest?.score ?? null;
    setText(row.points, value === null ? "" : `score ${score(value)}`);
    setText(row.facts, factsOf(device, condition, this.#nowMs).join(" · "));
    row.facts.classList.toggle("pressing", device.counts.missing > 0);
  }

  #reorder(order) {
    const focused = document.activeElement;
    this.node.replaceChildren(...order);
    if (this.node.contains(focused)) focused.focus({ preventScroll: true });
  }

  #move(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    const at = this.#places.get(event.target.dataset.device);
    if (!steps || at === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const to = Math.min(this.#rows.length - 1, Math.max(0, at + steps));
    this.focus(this.#rows[to].device.id);
  }
}
