// What is wrong now, who takes care of it, who wants quiet, whether letters arrive, and what was.

import { AlertRow } from "./row.js";
import { fetchAlerts, send } from "../shell/api.js";
import { Choice, DURATIONS } from "./choice.js";
import { element, setText } from "../shell/dom.js";
import { count, fullTime, time } from "../words/format.js";

const PAST = 100;

export class AlertsView {
  #rows = new Map(); // id to AlertRow
  #summary = element("p", { class: "about", "data-testid": "alerts-summary" });
  #open = element("ul", { class: "alert-list", "data-testid": "open-alerts" });
  #past = element("ul", { class: "alert-list", "data-testid": "past-alerts" });
  #snoozes = element("ul", { class: "alert-lines", "data-testid": "snoozes" });
  #channels = element("ul", { class: "alert-lines", "data-testid": "channels" });
  #silence = element("div", { class: "alert-silent", "data-testid": "not-sent", hidden: true },
    element("p", {}, "Nothing is sent to anybody: this page is all there is. To be told by e-mail, push, webhook or MQTT, start the monitor with a file of channels (docs/alerts.toml is an example):"),
    element("pre", { tabindex: "0", "aria-label": "Command" }, "python -m monitor --broker HOST --alerts alerts.toml"));
  #quiet = new Choice("Snooze all", "Send nothing of any room for", DURATIONS, (minutes) => this.#post("/api/alerts/snooze", { devices: null, minutes }));
  #loading = null;
  #again = false;

  constructor(_device, _route, page) {
    this.page = page;
    this.node = element("div", { class: "alerts", "data-testid": "alerts" },
      element("a", { class: "alert-back", href: "#/" }, "← All rooms"),
      element("section", { class: "card", "aria-labelledby": "alerts-title" },
        element("div", { class: "alert-head" },
          element("div", {}, element("h1", { id: "alerts-title" }, "Alerts"), this.#summary),
          this.#quiet.button),
        this.#quiet.panel, this.#snoozes, this.#open),
      element("section", { class: "card", "aria-labelledby": "channels-title" },
        element("h2", { id: "channels-title" }, "Where they are sent"), this.#silence, this.#channels),
      element("section", { class: "card", "aria-labelledby": "past-title" },
        element("h2", { id: "past-title" }, "Past alerts"), this.#past));
  }

  /** Fetch everything; a second wish while one is under way is one more fetch after it. */
  async load() {
    if (this.#loading) {
      this.#again = true;
      return this.#loading;
    }
    this.#loading = fetchAlerts(PAST).then((answer) => this.#show(answer)).finally(() => {
      this.#loading = null;
      if (this.#again) {
        this.#again = false;
        this.#reload();
      }
    });
    return this.#loading;
  }

  take(frame) {
    if (frame.alerts) this.#reload();
  }

  update(_device, nowMs) {
    for (const row of this.#rows.values()) row.tick(nowMs);
  }

  #reload() {
    this.load().catch((error) => this.page.say(String(error.message)));
  }

  async #post(path, body) {
    try {
      await send("POST", path, body);
      await this.load();
    } catch (error) {
      this.page.say(String(error.message));
    }
  }

  #show(answer) {
    const nowMs = this.page.now();
    const quiet = new Map(answer.snoozes.map(({ device, until_ms }) => [device, until_ms]));
    this.#arrange(this.#open, answer.alerts, quiet, "Nothing is wrong");
    this.#arrange(this.#past, answer.past, new Map(), "Nothing has been wrong so far");
    const ids = new Set([...answer.alerts, ...answer.past].map(({ id }) => id));
    for (const id of [...this.#rows.keys()].filter((id) => !ids.has(id))) this.#rows.delete(id);
    this.update(null, nowMs);
    const { open, unacknowledged } = answer;
    setText(this.#summary, open ? `${count(open)} open, ${unacknowledged ? `${count(unacknowledged)} not` : "all"} acknowledged` : "None open");
    this.#keep(this.#snoozes, answer.snoozes.map((snooze) => this.#snooze(snooze)));
    this.#silence.hidden = answer.sends;
    const lines = answer.channels.map((channel) => this.#channel(channel));
    if (answer.sends && !lines.length) lines.push(element("li", {}, "The file of alerts names no channel."));
    this.#keep(this.#channels, lines);
  }

  /** Rows keep their node, and with it focus and what a person is writing. */
  #arrange(list, entries, quiet, none) {
    const nodes = entries.map((entry) => {
      const known = this.#rows.get(entry.id) ?? new AlertRow(entry.id, (path, body) => this.#post(path, body));
      this.#rows.set(entry.id, known);
      known.show(entry, quiet);
      return known.node;
    });
    if (!nodes.length) nodes.push(element("li", { class: "none" }, none));
    if (nodes.length !== list.children.length || nodes.some((node, i) => node !== list.children[i])) {
      const focused = list.contains(document.activeElement) ? document.activeElement : null;
      list.replaceChildren(...nodes);
      if (focused && list.contains(focused)) focused.focus({ preventScroll: true });
    }
  }

  /** New lines; a button that had the focus has it again. */
  #keep(list, lines) {
    const key = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    list.replaceChildren(...lines);
    if (key) [...list.querySelectorAll("button")].find((button) => button.dataset.key === key)?.focus({ preventScroll: true });
  }

  #snooze({ device, until_ms: untilMs }) {
    const who = device ?? "All rooms";
    const end = element("button", { type: "button", class: "alert-act", "data-key": `end ${who}`, "aria-label": `End the snooze of ${who}` }, "End");
    end.addEventListener("click", () => this.#post("/api/alerts/snooze", { devices: device === null ? null : [device], minutes: 0 }));
    return element("li", {}, element("span", { class: "alert-what" }, element("strong", {}, who), ` snoozed until ${time(untilMs)}`), end);
  }

  #channel(channel) {
    const test = element("button", { type: "button", class: "alert-act", "data-key": channel.name, "aria-label": `Send a test by ${channel.name}` }, "Send a test");
    test.addEventListener("click", () => this.#post("/api/alerts/test", { channel: channel.name }));
    const facts = [
      channel.error ? element("span", { class: "alert-error" }, `${channel.error} (${time(channel.error_ms)})`) : null,
      channel.success_ms ? element("span", { title: fullTime(channel.success_ms) }, `delivered ${time(channel.success_ms)}`) : channel.error ? null : element("span", {}, "nothing sent yet"),
      channel.waiting ? element("span", {}, `${count(channel.waiting)} waiting`) : null,
      channel.given_up ? element("span", {}, `${count(channel.given_up)} given up`) : null,
      channel.kinds.length ? element("span", {}, `only ${channel.kinds.join(", ").replaceAll("_", " ")}`) : null,
    ];
    return element("li", { "data-testid": "channel", "data-failing": channel.error !== null },
      element("span", { class: "alert-what" }, element("strong", {}, channel.name), element("span", { class: "facts" }, ...facts)), test);
  }
}
