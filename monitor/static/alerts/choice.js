// A button that opens a row of choices below it, and closes it again: for a keyboard and a thumb alike.

import { element } from "../shell/dom.js";

export const DURATIONS = [["15 min", 15], ["1 hour", 60], ["8 hours", 480], ["1 day", 1440], ["1 week", 10_080]];

let made = 0;

export class Choice {
  /** `onChoose(value)` of [word, value] in `choices`. */
  constructor(word, question, choices, onChoose) {
    made += 1;
    const id = `choice-${made}`;
    this.button = element("button", { type: "button", class: "alert-act", "aria-expanded": "false", "aria-controls": id }, word);
    const buttons = choices.map(([name, value]) => {
      const button = element("button", { type: "button", class: "alert-act" }, name);
      button.addEventListener("click", () => {
        this.close();
        onChoose(value);
      });
      return button;
    });
    this.panel = element("div", { class: "alert-panel", id, role: "group", "aria-label": question, hidden: true },
      element("span", { class: "alert-question", "aria-hidden": "true" }, question), ...buttons);
    this.button.addEventListener("click", () => this.toggle());
    this.panel.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
  }

  toggle() {
    if (!this.panel.hidden) return this.close();
    this.panel.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.panel.querySelector("button, input").focus();
  }

  close() {
    if (this.panel.contains(document.activeElement)) this.button.focus();
    this.panel.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }
}
