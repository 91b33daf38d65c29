// Every room's last hours as a map: a row a room, in the order of the list; a column a stretch of time.

import { fetchHeat } from "../shell/api.js";
import { CONDITIONS } from "../words/conditions.js";
import { element, setText } from "../shell/dom.js";
import { score as scoreText, time } from "../words/format.js";
import { HeatCanvas } from "./canvas.js";
import { HeatGrid } from "./grid.js";
import { looksOf } from "./ink.js";
import { makeLegend, paintLegend, ticksOf } from "./legend.js";
import { columnsOf, layoutOf, nextHeight, RANGES, usualHeight } from "./size.js";
import { toDevice } from "../shell/routes.js";

const AGAIN_MS = 60_000; // records that come late are in the monitor's answer
const REORDER_MS = 5000; // while somebody is looking, rows keep their places so long

export class Heatmap {
  #rows = []; // ids, as they are drawn
  #places = new Map(); // id to place
  #grid = null;
  #looks = null;
  #range = RANGES[2];
  #height = null; // chosen by a person, in CSS pixels
  #asked = null; // when cells were last asked for
  #cursor = null; // {place, column}
  #changed = new Set(); // ids of rows to be drawn again; null: all of it
  #frame = null;
  #orderedAt = 0;

  constructor(page) {
    this.page = page;
    this.#build();
    this.canvas = new HeatCanvas(this.picture);
    new ResizeObserver(() => this.#all()).observe(this.scroller);
    this.#listen();
  }

  /** Show these rooms in that order; none: hide. */
  show(rows, nowMs) {
    const isHidden = rows.length === 0;
    if (isHidden !== this.node.hidden) this.node.hidden = isHidden;
    if (isHidden) return;
    if (this.#asked === null || performance.now() - this.#asked > AGAIN_MS) this.#load();
    if (this.#grid?.advance(nowMs)) this.#all();
    const same = rows.length === this.#rows.length;
    const isLooking = this.scroller.matches(":hover, :focus-visible") && performance.now() - this.#orderedAt < REORDER_MS;
    if (same && (isLooking || rows.every(({ device }, i) => device.id === this.#rows[i]))) return;
    this.#orderedAt = performance.now();
    this.#rows = rows.map(({ device }) => device.id);
    this.#places = new Map(this.#rows.map((id, place) => [id, place]));
    this.#all();
  }

  /** A room has a new record. */
  hear(id) {
    if (!this.#grid || this.#grid.hear(id, this.page.devices.get(id).newest) < 0) return;
    this.#changed?.add(id);
    this.#soon();
  }

  reload() {
    if (this.#asked !== null) this.#asked = -Infinity;
  }

  repaint() {
    this.canvas.repaint();
    paintLegend(this.legend);
    this.#all();
  }

  #build() {
    this.ranges = element("div", { class: "ranges", role: "group", "aria-label": "Stretch of the map" }, ...RANGES.map((range) => this.#button(range.name, () => this.#choose(range))));
    const zoom = element("div", { class: "ranges", role: "group", "aria-label": "Height of a row" },
      this.#button("−", () => this.#zoom(-1), "Lower rows"), this.#button("+", () => this.#zoom(1), "Higher rows"));
    this.picture = element("canvas", { "aria-hidden": "true" });
    this.mark = element("div", { class: "heat-mark", hidden: true });
    this.tall = element("div", { class: "heat-tall" }, this.picture, this.mark);
    this.scroller = element("div", { class: "heat-scroll", tabindex: 0, role: "application", "aria-label": "Heat map, a row a room and a column a stretch of time. Arrow keys move, Enter opens the room. The list below says the same in words.", "data-testid": "heatmap" }, this.tall);
    this.axis = element("div", { class: "heat-axis", "aria-hidden": "true" });
    this.readout = element("p", { class: "heat-readout", "data-testid": "heat-readout" });
    this.legend = makeLegend();
    this.title = element("h2", { id: "heat-title" });
    this.node = element("section", { class: "card heat", hidden: true, "aria-labelledby": "heat-title" },
      element("div", { class: "heat-head" }, this.title, this.ranges, zoom), this.axis, this.scroller, this.readout, this.legend);
    this.#press();
    paintLegend(this.legend);
  }

  #button(name, act, label = null) {
    const button = element("button", { type: "button", "data-range": name, "aria-label": label }, name);
    button.addEventListener("click", act);
    return button;
  }

  #listen() {
    this.scroller.addEventListener("scroll", () => this.#all(), { passive: true });
    this.scroller.addEventListener("pointermove", (event) => this.#point(event));
    this.scroller.addEventListener("pointerleave", () => this.#move(null));
    this.scroller.addEventListener("click", (event) => {
      this.#point(event);
      if (this.#cursor) this.#open();
    });
    this.scroller.addEventListener("keydown", (event) => this.#key(event));
    this.scroller.addEventListener("focus", () => {
      if (this.scroller.matches(":focus-visible") && !this.#cursor) this.#step(0, 0);
    });
    this.scroller.addEventListener("blur", () => this.#move(null));
  }

  #choose(range) {
    this.#range = range;
    this.#press();
    this.#load();
  }

  #press() {
    setText(this.title, `All rooms, the last ${this.#range.name}`);
    for (const button of this.ranges.children) button.setAttribute("aria-pressed", String(button.dataset.range === this.#range.name));
  }

  #zoom(by) {
    this.#height = nextHeight(this.#height ?? usualHeight(this.#rows.length), by);
    this.#all();
  }

  async #load() {
    const range = this.#range;
    this.#asked = performance.now();
    const columns = columnsOf(range, this.page.devices.size);
    const to = this.page.now();
    try {
      const step = range.ms / columns;
      const answer = await fetchHeat(to - range.ms + step, to, columns);
      if (range !== this.#range) return;
      this.#grid = new HeatGrid(answer);
      this.#looks = looksOf(answer);
      for (const device of this.page.devices.values()) if (device.newest) this.#grid.hear(device.id, device.newest);
      this.axis.replaceChildren(...ticksOf(this.#grid, this.page.now()));
      this.#all();
    } catch (error) {
      setText(this.readout, String(error.message));
    }
  }

  #all() {
    this.#changed = null;
    this.#soon();
  }

  #soon() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#draw();
    });
  }

  #draw() {
    if (!this.#grid || this.node.hidden || !this.scroller.clientWidth) return;
    const rowHeight = this.#height ?? usualHeight(this.#rows.length);
    const { seen, gutter } = layoutOf(this.#rows.length, rowHeight);
    const ratio = devicePixelRatio;
    this.tall.style.height = `${rowHeight * this.#rows.length}px`;
    this.scroller.style.height = `${seen}px`;
    this.axis.style.marginLeft = `${gutter}px`;
    const width = this.scroller.clientWidth;
    Object.assign(this.picture.style, { width: `${width}px`, height: `${seen}px` });
    const columns = this.#grid.columns;
    this.canvas.resize(Math.round(width * ratio), Math.round(seen * ratio), Math.round(gutter * ratio), Math.round(rowHeight * ratio), columns);
    Object.assign(this, { rowHeight, gutter, cellWidth: (width - gutter) / columns });
    const top = Math.round(this.scroller.scrollTop * ratio);
    if (this.#changed === null) {
      const places = this.#rows.map((id) => this.#grid.rowOf(id));
      this.canvas.draw(this.#grid, this.#looks, places, top, this.#rows);
      this.#drawMark();
    } else {
      for (const id of this.#changed) {
        const place = this.#places.get(id);
        if (place !== undefined) this.canvas.drawRow(this.#grid, this.#looks, this.#grid.rowOf(id), place, top);
      }
    }
    this.#changed = new Set();
    this.scroller.dataset.cells = String(columns * this.#rows.length);
  }

  #point(event) {
    if (!this.#grid || !this.cellWidth) return;
    const box = this.tall.getBoundingClientRect();
    const place = Math.floor((event.clientY - box.top) / this.rowHeight);
    const column = Math.floor((event.clientX - box.left - this.gutter) / this.cellWidth);
    this.#move(place >= 0 && place < this.#rows.length && column < this.#grid.columns ? { place, column: Math.max(0, column) } : null);
  }

  #move(cursor) {
    this.readout.setAttribute("aria-live", this.scroller.matches(":focus-visible") ? "polite" : "off");
    this.#cursor = cursor;
    this.#drawMark();
  }

  #drawMark() {
    this.mark.hidden = !this.#cursor || this.#cursor.place >= this.#rows.length;
    if (this.mark.hidden) {
      setText(this.readout, "Point at a cell, or walk with the arrow keys");
      return;
    }
    const { place, column } = this.#cursor;
    Object.assign(this.mark.style, { width: `${this.cellWidth}px`, height: `${this.rowHeight}px`, transform: `translate(${this.gutter + column * this.cellWidth}px, ${place * this.rowHeight}px)` });
    const id = this.#rows[place];
    const { state, score, fromMs, toMs } = this.#grid.cell(this.#grid.rowOf(id), column);
    const word = state ? CONDITIONS[state].word : "nothing came";
    setText(this.readout, `${id} · ${time(fromMs)} to ${time(toMs)} · ${word}${score === null ? "" : ` · worst score ${scoreText(score)}`}`);
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.rowHeight) - 1);
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], PageUp: [-page, 0], PageDown: [page, 0], Home: [0, -Infinity], End: [0, Infinity] }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey || !this.#grid) return;
    if (step) this.#step(...step);
    else if (event.key === "Enter" && this.#cursor) this.#open();
    else return;
    event.preventDefault();
  }

  #step(rows, columns) {
    if (!this.#grid || this.#rows.length === 0) return;
    const last = this.#grid.columns - 1;
    const at = this.#cursor ?? { place: 0, column: last };
    const cursor = { place: within(at.place + rows, this.#rows.length - 1), column: within(at.column + columns, last) };
    const top = cursor.place * this.rowHeight;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + this.rowHeight > scrollTop + clientHeight) this.scroller.scrollTop = top + this.rowHeight - clientHeight;
    this.#move(cursor);
  }

  /** The room, at that time. */
  #open() {
    const { place, column } = this.#cursor;
    const { fromMs, toMs } = this.#grid.cell(-1, column);
    const isNow = column === this.#grid.columns - 1;
    this.page.go(toDevice(this.#rows[place]) + (isNow ? "" : `?from=${fromMs - this.#grid.stepMs}&to=${toMs + this.#grid.stepMs}`));
  }
}

function within(value, last) {
  return Math.min(last, Math.max(0, value));
}
