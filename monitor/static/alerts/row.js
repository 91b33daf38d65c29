// One alert in a list: what, where and since when; to take care of it, or to have quiet from it.

import { Choice, DURATIONS } from "./choice.js";
import { element, setText } from "../shell/dom.js";
import { duration, fullTime, time } from "../words/format.js";

const NAME = "picanary.name"; // who this browser's person is
const TONES = { anomaly: "anomalous", sensor_fault: "sensor_fault", offline: "offline", silent: "silent", advisory: "advisory" };
const NAMES_MOST = 8;

export class AlertRow {
  #entry = null;
  #mark = element("span", { class: "mark", "aria-hidden": "true" });
  #who = element("span", { class: "alert-who" });
  #sentence = element("span", { class: "sentence" });
  #headline = element("p", {}, this.#who, this.#sentence);
  #names = element("p", { class: "alert-names" });
  #kind = element("span", { class: "kind" });
  #since = element("time", {});
  #lasting = element("span", {});
  #sent = element("span", {});
  #care = element("p", { class: "alert-care" });
  #actions = element("div", { class: "alert-actions" });

  /** `post(path, body)` sends what a person wants. */
  constructor(id, post) {
    this.post = post;
    this.acknowledge = element("button", { type: "button", class: "alert-act", "aria-expanded": "false" }, "Acknowledge");
    this.form = this.#form(id);
    this.acknowledge.addEventListener("click", () => this.#openForm(this.form.hidden));
    this.snooze = new Choice("Snooze", "Say nothing more for", DURATIONS,
      (minutes) => this.post("/api/alerts/snooze", { devices: this.#entry.devices, minutes }));
    this.node = element("li", { class: "alert", "data-testid": "alert" },
      this.#mark,
      element("div", { class: "alert-text" },
        this.#headline, this.#names,
        element("p", { class: "facts" }, this.#kind, this.#since, this.#lasting, this.#sent),
        this.#care),
      this.#actions, this.snooze.panel, this.form);
  }

  show(entry, quiet) {
    this.#entry = entry;
    this.node.dataset.kind = entry.kind;
    this.node.dataset.condition = TONES[entry.kind] ?? "offline";
    this.node.dataset.over = entry.over_ms !== null;
    this.#showDevices(entry.devices);
    setText(this.#sentence, entry.sentence);
    setText(this.#kind, entry.word);
    setText(this.#since, `since ${time(entry.since_ms)}`);
    this.#since.dateTime = new Date(entry.since_ms).toISOString();
    this.#since.title = fullTime(entry.since_ms);
    const isQuiet = quiet.has(null) || (entry.devices.length > 0 && entry.devices.every((device) => quiet.has(device)));
    setText(this.#sent, entry.over_ms === null && isQuiet ? "snoozed" : "");
    this.#showCare(entry.acknowledged);
    const wanted = entry.over_ms !== null ? [] : [entry.acknowledged ? null : this.acknowledge, entry.devices.length ? this.snooze.button : null].filter(Boolean);
    if (wanted.some((node, i) => node !== this.#actions.children[i]) || wanted.length !== this.#actions.children.length) this.#actions.replaceChildren(...wanted);
    if (entry.acknowledged || entry.over_ms !== null) this.form.hidden = true;
    if (entry.over_ms !== null) this.snooze.panel.hidden = true;
  }

  tick(nowMs) {
    const { over_ms: overMs, since_ms: sinceMs } = this.#entry;
    setText(this.#lasting, overMs === null ? `for ${duration(Math.max(0, nowMs - sinceMs))} so far` : `lasted ${duration(Math.max(0, overMs - sinceMs))}`);
  }

  #showDevices(devices) {
    const key = devices.join(" ");
    if (this.#who.dataset.key === key && this.#who.childNodes.length) return;
    this.#who.dataset.key = key;
    // of many the sentence says how many, and then come the names
    const many = devices.length > 1;
    this.#sentence.classList.toggle("alert-many", many);
    (many ? this.#names : this.#headline).prepend(this.#who);
    const some = devices.length > NAMES_MOST ? devices.slice(0, NAMES_MOST - 1) : devices;
    const links = some.map((device) => element("a", { href: `#/device/${encodeURIComponent(device)}` }, device));
    const more = devices.length - some.length;
    this.#who.replaceChildren(...(links.length ? links : [element("strong", {}, "The monitor")]), ...(more ? [element("span", {}, `and ${more} more`)] : []));
  }

  #showCare(said) {
    const by = said ? `Acknowledged${said.by ? ` by ${said.by}` : ""}, ${time(said.at_ms)}${said.note ? `: ${said.note}` : ""}` : "";
    setText(this.#care, by);
    this.#care.hidden = !said;
  }

  #form(id) {
    const name = element("input", { type: "text", id: `by-${id}`, name: "by", maxlength: "80", autocomplete: "name" });
    const note = element("input", { type: "text", id: `note-${id}`, name: "note", maxlength: "500", autocomplete: "off" });
    const cancel = element("button", { type: "button", class: "alert-act" }, "Cancel");
    const form = element("form", { class: "alert-panel alert-form", "aria-label": "Acknowledge", hidden: true },
      element("div", { class: "alert-field" }, element("label", { for: `by-${id}` }, "Your name"), name),
      element("div", { class: "alert-field alert-note" }, element("label", { for: `note-${id}` }, "Note"), note),
      element("button", { type: "submit", class: "alert-act alert-main" }, "Acknowledge"), cancel);
    name.value = remembered();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      remember(name.value);
      this.#openForm(false);
      this.post(`/api/alerts/${id}/acknowledge`, { by: name.value, note: note.value });
    });
    cancel.addEventListener("click", () => this.#openForm(false));
    form.addEventListener("keydown", (event) => { if (event.key === "Escape") this.#openForm(false); });
    return form;
  }

  #openForm(open) {
    if (!open && this.form.contains(document.activeElement)) this.acknowledge.focus();
    this.form.hidden = !open;
    this.acknowledge.setAttribute("aria-expanded", String(open));
    if (open) [...this.form.querySelectorAll("input")].find((input) => input.name === "note" || !input.value).focus();
  }
}

function remembered() {
  try {
    return localStorage.getItem(NAME) ?? "";
  } catch {
    return ""; // a browser that keeps nothing
  }
}

function remember(name) {
  try {
    localStorage.setItem(NAME, name);
  } catch {
    // then it is written anew each time
  }
}
