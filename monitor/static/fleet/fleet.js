// All rooms at a glance, worst first: what is wrong where in numbers, the last hours as a map, and the list.

import { element } from "../shell/dom.js";
import { FleetBar } from "./bar.js";
import { Heatmap } from "../heatmap/heatmap.js";
import { RoomList } from "./list.js";

const MANY = 24; // rooms, from which on they are counted, sought and drawn as a map

export class Fleet {
  #rows = []; // [{device, condition}], worst first
  #alone = false;

  constructor(place, page) {
    this.place = place;
    this.bar = new FleetBar(() => this.#draw());
    this.heat = new Heatmap(page);
    this.list = new RoomList();
    this.title = element("h1", { class: "hidden" }, "Rooms");
    this.none = element("p", { class: "none-found", role: "status" });
    place.append(this.title, this.bar.node, this.heat.node, this.none, this.list.node);
    addEventListener("keydown", (event) => this.#seek(event));
  }

  /** Show these; `chosen` is the id of the one that is open. */
  show(rows, chosen, nowMs) {
    this.#rows = rows;
    this.chosen = chosen;
    this.nowMs = nowMs;
    this.bar.count(rows);
    this.#draw();
  }

  /** On its own, or beside a room. */
  setAlone(alone) {
    this.#alone = alone;
  }

  /** A live frame. */
  take(frame) {
    for (const { id, newest } of frame.devices ?? []) {
      if (!newest) continue;
      this.list.hear(id);
      this.heat.hear(id);
    }
    for (const id of frame.dated ?? []) this.list.forget(id);
    if (frame.dated?.length) this.heat.reload();
  }

  /** Frames were lost, or time has gone by without any. */
  reload() {
    this.list.reload();
    this.heat.reload();
  }

  repaint() {
    this.heat.repaint();
  }

  /** Where one was before, or the whole. */
  focus(id) {
    if (!id || !this.list.focus(id)) this.place.focus({ preventScroll: true });
  }

  #draw() {
    const many = this.#rows.length > MANY;
    this.bar.node.hidden = !many;
    const rows = many ? this.#rows.filter(this.bar.passes) : this.#rows;
    this.none.textContent = many && rows.length === 0 ? "No room is like that." : "";
    this.place.classList.toggle("many", many);
    this.list.show(rows, this.chosen, this.nowMs);
    this.heat.show(many && this.#alone ? rows : [], this.nowMs);
  }

  #seek(event) {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey || !this.bar.node.checkVisibility()) return;
    event.preventDefault();
    this.bar.focus();
  }
}
