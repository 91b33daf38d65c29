// One room: how it is in a sentence, its newest values, charts, events, and what came of its records.

import { fetchAbsences } from "../shell/api.js";
import { channelsOf, title } from "../words/channels.js";
import { CONDITIONS, conditionOf } from "../words/conditions.js";
import { element, setText } from "../shell/dom.js";
import { EventList } from "../event/list.js";
import { missedAction, missedList } from "../feedback/feedback.js";
import { number, score } from "../words/format.js";
import { roomHash } from "../shell/links.js";
import { about, absences, expectation, health, heard, ledger } from "./sentences.js";
import { Timeline } from "../timeline/timeline.js";
import { WhatIf } from "../whatif/whatif.js";

export class DeviceView {
  #channels = "";

  constructor(device, route) {
    this.device = device;
    this.timeline = new Timeline(device, route?.query ?? new URLSearchParams(), {
      hash: (query) => roomHash(device.id, query),
      onMove: () => this.#moved(),
    });
    this.events = new EventList(device.id, () => this.timeline.viewport.window);
    this.whatif = new WhatIf(device);
    this.#build();
  }

  /** Fetch charts and events. */
  async load() {
    await Promise.all([this.timeline.load(), this.events.load()]);
    this.#tellAbsences().catch(() => {}); // small print, without which the room is shown all the same
  }

  async #tellAbsences() {
    const told = absences(await fetchAbsences(), this.timeline.viewport.firstMs);
    this.absences.replaceChildren(...told.map((sentence) => element("p", {}, sentence)));
  }

  /** The device's newest summary. */
  update(device, nowMs) {
    const was = this.state.dataset.told;
    this.device = device;
    const condition = conditionOf(device, nowMs);
    this.node.dataset.condition = condition;
    this.state.dataset.condition = condition;
    this.state.dataset.told = device.newest?.state ?? "";
    setText(this.word, CONDITIONS[condition].word);
    const trusted = condition === device.newest?.state;
    setText(this.why, (trusted && device.newest.why) || CONDITIONS[condition].sentence);
    setText(this.about, about(device));
    setText(this.heard, heard(device, nowMs));
    this.events.tick(device.newest?.ts_ms);
    this.timeline.update(device);
    this.whatif.update(device);
    this.#fillNumbers();
    setText(this.ledger, ledger(device.counts, device.journals));
    setText(this.health, health(device.health));
    // An agent that was switched off in an event's middle never tells its end; the monitor knows better.
    if (was && was !== this.state.dataset.told) this.events.load().catch(() => {});
  }

  /** The same room with another stretch of time. */
  follow(route) {
    this.timeline.follow(route.query);
  }

  addRecords(records) {
    this.timeline.addRecords(records);
  }

  draw() {
    this.timeline.draw();
  }

  repaint() {
    this.timeline.repaint();
  }

  destroy() {
    this.timeline.destroy();
    this.events.destroy();
  }

  #build() {
    const { id } = this.device;
    this.word = element("span", { class: "word", "data-testid": "condition" });
    this.state = element("p", { class: "state" }, element("span", { class: "mark", "aria-hidden": "true" }), this.word);
    this.why = element("p", { class: "why", "data-testid": "why" });
    this.about = element("p", { class: "about" });
    this.heard = element("p", { class: "heard" });
    this.numbers = element("div", { class: "numbers" });
    this.ledger = element("p", { "data-testid": "ledger" });
    this.health = element("p");
    this.absences = element("div", { "data-testid": "absences" });
    this.missed = missedAction(id, () => this.timeline.viewport.window);
    this.missed.hidden = this.timeline.viewport.following;
    this.timeline.toolbar.where.append(this.missed);
    this.node = element("article", { class: "room", "data-testid": "room", "data-device": id },
      element("a", { class: "back", href: "#/" }, "← All rooms"),
      element("header", { class: "card head" },
        element("div", { class: "title" }, element("h1", {}, id), this.state),
        this.why, this.numbers, this.heard, this.about),
      this.timeline.node, this.events.node, missedList(id), this.whatif.node,
      element("section", { class: "card small", "aria-labelledby": "records-title" }, element("h2", { id: "records-title" }, "Records"), this.ledger, this.health, this.absences));
  }

  #moved() {
    this.missed.hidden = this.timeline.viewport.following;
    this.events.moved();
  }

  #fillNumbers() {
    const { newest } = this.device;
    const channels = channelsOf(this.device);
    if (JSON.stringify(channels) !== this.#channels) {
      this.#channels = JSON.stringify(channels);
      this.numbers.replaceChildren(...channels.map(bigNumber), bigScore());
    }
    channels.forEach((channel, i) => {
      setText(this.numbers.children[i].querySelector(".figure"), number(newest?.values[channel.key], channel.unit));
      setText(this.numbers.children[i].querySelector(".beside"), expectation(newest, channel));
    });
    const box = this.numbers.lastElementChild;
    setText(box.querySelector(".figure"), score(newest?.score));
    box.dataset.alarm = String((newest?.score ?? 0) >= 1);
  }
}

function bigNumber(channel) {
  return element("div", { class: "number", "data-channel": channel.key },
    element("span", { class: "label" }, title(channel)),
    element("span", { class: "reading" }, element("span", { class: "figure", "data-testid": "value", "data-channel": channel.key }), element("span", { class: "unit" }, channel.unit)),
    element("span", { class: "beside" }));
}

function bigScore() {
  return element("div", { class: "number score" },
    element("span", { class: "label" }, "Score"),
    element("span", { class: "reading" }, element("span", { class: "figure", "data-testid": "score" })),
    element("span", { class: "beside" }, "alarm at 1.0"));
}
