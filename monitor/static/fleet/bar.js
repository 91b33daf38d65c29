// What is wrong with how many rooms, as chips that filter the list; and a field to seek one by its name.

import { CONDITIONS } from "../words/conditions.js";
import { element, setText } from "../shell/dom.js";
import { count } from "../words/format.js";
import { modelOf } from "./facts.js";

const MODELS_MOST = 5; // chips; the rest is a number

export class FleetBar {
  #chips = new Map(); // key to {node, number}
  #chosen = new Set(); // keys of conditions
  #missing = false;
  #model = null;

  /** `onChange()` is called when a person chose something. */
  constructor(onChange) {
    this.onChange = onChange;
    this.search = element("input", { type: "search", placeholder: "Find a room", "aria-label": "Find a room by its name", "aria-keyshortcuts": "/", autocomplete: "off", spellcheck: "false", "data-testid": "search" });
    this.search.addEventListener("input", onChange);
    this.search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.search.value = "";
      onChange();
    });
    this.conditions = element("div", { class: "chips", role: "group", "aria-label": "How rooms are" });
    this.models = element("div", { class: "chips models", role: "group", "aria-label": "Models in use" });
    this.node = element("div", { class: "fleet-bar", hidden: true, "data-testid": "fleet-bar" },
      element("div", { class: "seek" }, this.search, element("kbd", { "aria-hidden": "true" }, "/")), this.conditions, this.models,
      element("p", { class: "take-list" }, "The list as ", element("a", { href: "/api/export.csv", download: true }, "CSV"), " or ", element("a", { href: "/api/export.parquet", download: true }, "Parquet")));
    /** Whether a row is to be shown. */
    this.passes = ({ device, condition }) => {
      const sought = this.search.value.trim().toLowerCase();
      return (this.#chosen.size === 0 || this.#chosen.has(condition))
        && (!this.#missing || device.counts.missing > 0)
        && (this.#model === null || modelOf(device) === this.#model)
        && device.id.toLowerCase().includes(sought);
    };
  }

  focus() {
    this.search.focus();
    this.search.select();
  }

  /** Count all rooms, also those that are not shown. */
  count(rows) {
    const conditions = new Map(Object.keys(CONDITIONS).map((key) => [key, 0]));
    const models = new Map();
    let missing = 0;
    for (const { device, condition } of rows) {
      conditions.set(condition, conditions.get(condition) + 1);
      models.set(modelOf(device), (models.get(modelOf(device)) ?? 0) + 1);
      if (device.counts.missing > 0) missing += 1;
    }
    const first = [...conditions].map(([key, number]) => this.#chip(`is ${key}`, number, this.#chosen.has(key), () => this.#toggle(key), CONDITIONS[key].word, key));
    first.push(this.#chip("missing", missing, this.#missing, () => { this.#missing = !this.#missing; }, "with missing records"));
    put(this.conditions, first.filter((chip) => !chip.hidden));
    this.#countModels([...models].sort((one, other) => other[1] - one[1]));
  }

  #countModels(models) {
    const most = models.filter(([model], i) => i < MODELS_MOST || model === this.#model);
    const chips = most.map(([model, number]) => this.#chip(`model ${model}`, number, this.#model === model, () => { this.#model = this.#model === model ? null : model; }, model || "without a model"));
    const rest = models.length - most.length;
    this.more ??= element("span", { class: "more" });
    setText(this.more, rest ? `and ${count(rest)} more ${rest === 1 ? "model" : "models"}` : "");
    this.models.hidden = models.length === 0;
    put(this.models, rest ? [...chips, this.more] : chips);
  }

  #toggle(key) {
    if (!this.#chosen.delete(key)) this.#chosen.add(key);
  }

  #chip(key, number, pressed, choose, word, condition = null) {
    if (!this.#chips.has(key)) {
      const figure = element("b", {});
      const node = element("button", { type: "button", class: "chip", "data-testid": "chip", "data-chip": key, "data-condition": condition },
        condition ? element("span", { class: "mark", "aria-hidden": "true" }) : null, figure, element("span", { class: "chip-word" }, word));
      node.addEventListener("click", () => {
        this.#chips.get(key).choose();
        this.onChange();
      });
      this.#chips.set(key, { node, figure });
    }
    const chip = this.#chips.get(key);
    chip.choose = choose;
    setText(chip.figure, count(number));
    chip.node.setAttribute("aria-pressed", String(pressed));
    chip.node.hidden = number === 0 && !pressed;
    return chip.node;
  }
}

/** The children, touched only when they are others than before, so that focus stays. */
function put(place, children) {
  if (children.length === place.children.length && children.every((child, i) => place.children[i] === child)) return;
  const focused = document.activeElement;
  place.replaceChildren(...children);
  if (place.contains(focused)) focused.focus({ preventScroll: true });
}
