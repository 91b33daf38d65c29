// Hands on the charts: wheel and pinch zoom, a drag with shift or a finger pans, and keys do all of it.

const WHEEL = 0.0022; // of a zoom a pixel of the wheel
const KEY_ZOOM = 0.5;
const KEY_PAN = 0.25; // of the stretch
const BIG_STEP = 10; // rows

/** `charts` tells times; `viewport` moves; `point(step)` moves the cursor by rows, ±Infinity to an end. */
export class Gestures {
  #fingers = new Map(); // pointer id to clientX
  #held = null; // {from, to, at}: the stretch and the time under the hand when it came down

  constructor(node, { charts, viewport, point }) {
    Object.assign(this, { node, charts, viewport, point });
    node.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    node.addEventListener("keydown", (event) => this.#key(event));
    node.addEventListener("dblclick", (event) => this.#isPlot(event) && viewport.back());
    node.addEventListener("pointerdown", (event) => this.#down(event));
    node.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) node.addEventListener(name, (event) => this.#up(event));
  }

  #isPlot(event) {
    return event.target instanceof Element && event.target.closest(".u-over") !== null;
  }

  #wheel(event) {
    if (!this.#isPlot(event)) return;
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!event.ctrlKey && !event.metaKey && !sideways) return; // the page scrolls
    event.preventDefault();
    const [from, to] = this.viewport.window;
    if (event.ctrlKey || event.metaKey) this.viewport.zoom(Math.exp(event.deltaY * WHEEL * (event.deltaMode ? 30 : 1)), this.charts().timeAt(event.clientX));
    else this.viewport.pan(((to - from) * event.deltaX) / this.charts().width);
  }

  #down(event) {
    const finger = event.pointerType === "touch";
    if (!this.#isPlot(event) || event.button !== 0 || (!finger && !event.shiftKey)) return;
    this.#fingers.set(event.pointerId, event.clientX);
    if (!finger) this.node.setPointerCapture(event.pointerId);
    this.#hold();
  }

  #move(event) {
    if (!this.#fingers.has(event.pointerId)) return;
    this.#fingers.set(event.pointerId, event.clientX);
    const { from, to, middle, apart } = this.#held;
    const now = this.#grip();
    const perPixel = (to - from) / this.charts().width;
    const scale = apart && now.apart ? apart / Math.max(20, now.apart) : 1;
    // what was under the hand stays under it
    const left = this.charts().node.getBoundingClientRect().left;
    const at = from + (middle - left) * perPixel;
    const start = at - (now.middle - left) * perPixel * scale;
    this.viewport.show(start, start + (to - from) * scale);
  }

  #up(event) {
    if (!this.#fingers.delete(event.pointerId)) return;
    if (this.#fingers.size > 0) this.#hold();
  }

  #hold() {
    const [from, to] = this.viewport.window;
    this.#held = { from, to, ...this.#grip() };
  }

  #grip() {
    const places = [...this.#fingers.values()];
    const middle = places.reduce((sum, x) => sum + x, 0) / places.length;
    return { middle, apart: places.length > 1 ? Math.abs(places[0] - places[1]) : 0 };
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.#action(event.key, event.shiftKey);
    if (!act) return;
    event.preventDefault();
    act();
  }

  #action(key, shift) {
    const span = () => this.viewport.window[1] - this.viewport.window[0];
    const side = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (side) return shift ? () => this.viewport.pan(side * KEY_PAN * span()) : () => this.point(side);
    return {
      PageUp: () => this.point(-BIG_STEP),
      PageDown: () => this.point(BIG_STEP),
      Home: () => this.point(-Infinity),
      End: () => this.point(Infinity),
      "+": () => this.viewport.zoom(KEY_ZOOM),
      "=": () => this.viewport.zoom(KEY_ZOOM),
      "-": () => this.viewport.zoom(1 / KEY_ZOOM),
      0: () => this.viewport.back(),
    }[key];
  }
}
