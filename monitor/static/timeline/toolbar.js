// Buttons over the charts: ranges, zoom, pan, back to now, a link to what is shown, and files of it.

import { element, setText } from "../shell/dom.js";
import { exactTime } from "../words/format.js";
import { exportPath } from "../shell/links.js";
import { RANGES } from "./viewport.js";

const COPIED_MS = 2500;
const STEPS = [
  { label: "Earlier", sign: "‹", act: (viewport, span) => viewport.pan(-span / 2) },
  { label: "Zoom out", sign: "−", act: (viewport) => viewport.zoom(2) },
  { label: "Zoom in", sign: "+", act: (viewport) => viewport.zoom(0.5) },
  { label: "Later", sign: "›", act: (viewport, span) => viewport.pan(span / 2) },
];

export class Toolbar {
  constructor(id, viewport) {
    Object.assign(this, { id, viewport });
    this.ranges = element("div", { class: "ranges", role: "group", "aria-label": "Stretch of time" }, ...RANGES.map((range) => rangeButton(range, viewport)));
    this.steps = element("div", { class: "steps", role: "group", "aria-label": "Move and zoom" }, ...STEPS.map((step) => stepButton(step, viewport)));
    this.back = button("back-to-now", "Back to now", () => viewport.back());
    this.copy = button("copy-link", "Copy link", () => this.#copyLink());
    this.files = ["csv", "parquet"].map((format) => element("a", { download: "", "data-testid": `download-${format}` }, format === "csv" ? "CSV" : "Parquet"));
    this.download = element("details", { class: "menu" }, element("summary", { "data-testid": "download" }, "Download"), element("div", { class: "menu-items" }, ...this.files));
    this.download.addEventListener("keydown", (event) => this.#closeMenu(event));
    this.download.addEventListener("focusout", (event) => { if (!this.download.contains(event.relatedTarget)) this.download.open = false; });
    this.stretch = element("p", { class: "stretch", "data-testid": "stretch" });
    this.said = element("span", { class: "hidden", role: "status" });
    this.where = element("div", { class: "where" }, this.stretch, this.back);
    this.node = element("div", { class: "toolbar" }, this.ranges, this.steps,
      element("div", { class: "take" }, this.copy, this.download, this.said), this.where);
  }

  /** Show what is chosen. */
  update() {
    const { viewport } = this;
    const [from, to] = viewport.window;
    for (const one of this.ranges.children) one.setAttribute("aria-pressed", String(viewport.range?.name === one.dataset.range));
    if (viewport.following && this.back === document.activeElement) this.ranges.querySelector('[aria-pressed="true"]')?.focus({ preventScroll: true });
    this.back.hidden = viewport.following;
    setText(this.stretch, `${exactTime(from)} to ${viewport.following ? "now" : exactTime(to)}`);
    ["csv", "parquet"].forEach((format, i) => this.files[i].setAttribute("href", exportPath(this.id, format, from, to)));
  }

  async #copyLink() {
    let word = "Copied";
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      word = "Copy it from the address bar"; // without TLS a browser lends no clipboard
    }
    setText(this.copy, word);
    setText(this.said, word);
    setTimeout(() => {
      setText(this.copy, "Copy link");
      setText(this.said, "");
    }, COPIED_MS);
  }

  #closeMenu(event) {
    if (event.key !== "Escape" || !this.download.open) return;
    event.stopPropagation();
    this.download.open = false;
    this.download.querySelector("summary").focus();
  }
}

function rangeButton(range, viewport) {
  const made = element("button", { type: "button", "data-range": range.name, "aria-pressed": "false" }, range.name);
  made.addEventListener("click", () => viewport.choose(range));
  return made;
}

function stepButton({ label, sign, act }, viewport) {
  const made = element("button", { type: "button", "aria-label": label, title: label }, element("span", { "aria-hidden": "true" }, sign));
  made.addEventListener("click", () => act(viewport, viewport.window[1] - viewport.window[0]));
  return made;
}

function button(testid, text, act) {
  const made = element("button", { type: "button", class: "quiet", "data-testid": testid }, text);
  made.addEventListener("click", act);
  return made;
}
