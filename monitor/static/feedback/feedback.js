// Was it a true alarm? A person says so here, with a note; every other open page shows it at once.

import { element, setText } from "../shell/dom.js";
import { fullTime, time } from "../words/format.js";
import { labelOf, markMissed, missedOf, onLabels, say, unmarkMissed, VERDICTS, verdictOf, withdraw } from "./labels.js";

export { reloadLabels, takeLabels } from "./labels.js";

const NOTE_MOST = 1000;
const TYPING_MS = 700; // a pause so long saves the note
const MARKS = { true_alarm: "✓", false_alarm: "✕", unsure: "?" };

/** A node that keeps itself as what is said of one room changes, for as long as it is in the page. */
class Kept extends HTMLElement {
  #end = null;

  connectedCallback() {
    this.#end = onLabels((device) => {
      if (device === this.device) this.refresh();
    });
    this.refresh();
  }

  disconnectedCallback() {
    this.#end?.();
  }
}

/** What was said of an event, in a word; `label` is {verdict, ...} or null, for which there is nothing. */
export function labelBadge(label) {
  if (!label) return null;
  const verdict = verdictOf(label);
  return element("span", { class: "label-badge", "data-verdict": verdict, "data-testid": "label-badge", title: label.note || null },
    element("span", { "aria-hidden": "true" }, MARKS[verdict]), ` ${VERDICTS[verdict]}`);
}

class Badge extends Kept {
  refresh() {
    const made = labelBadge(labelOf(this.device, this.event));
    this.replaceChildren(...(made ? [made] : []));
  }
}

/** The same as a node for a list, that changes by itself. */
export function liveBadge(device, event) {
  return Object.assign(document.createElement("pc-label-badge"), { device, event });
}

class Feedback extends Kept {
  #saving = Promise.resolve(); // one after the other, so that the last that was said stands
  #typing = null;
  #dirty = false;

  refresh() {
    if (!this.group) this.#build();
    const label = labelOf(this.device, this.event);
    const verdict = label && verdictOf(label);
    for (const button of this.group.children) button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
    if (!this.#dirty && this.note.value !== (label?.note ?? "")) this.note.value = label?.note ?? "";
    this.withdraw.hidden = !label;
    setText(this.said, label ? `Said ${VERDICTS[verdict]}, ${time(label.made_ms)}` : "Nobody has said yet");
    this.said.title = label ? fullTime(label.made_ms) : "";
  }

  #build() {
    this.group = element("div", { class: "ranges verdicts", role: "group", "aria-labelledby": "feedback-title" },
      ...Object.keys(VERDICTS).map((verdict) => this.#button(verdict)));
    this.note = element("textarea", { id: "feedback-note", rows: 2, maxlength: NOTE_MOST, "data-testid": "feedback-note", placeholder: "What was it? A window, the boiler, a shower …" });
    this.note.addEventListener("input", () => this.#typed());
    this.note.addEventListener("change", () => this.#saveNote());
    this.status = element("span", { class: "status", role: "status", "data-testid": "feedback-status" });
    this.said = element("span", { "data-testid": "feedback-said" });
    this.withdraw = element("button", { type: "button", class: "plain", "data-testid": "feedback-withdraw" }, "take back");
    this.withdraw.addEventListener("click", () => this.#takeBack());
    this.replaceChildren(element("section", { class: "card feedback", "data-testid": "feedback", "aria-labelledby": "feedback-title" },
      element("h2", { id: "feedback-title" }, "Was this a true alarm?"),
      this.group,
      element("label", { class: "label", for: "feedback-note" }, "Note"),
      this.note,
      element("p", { class: "said" }, this.said, this.withdraw, this.status),
      element("p", { class: "purpose" }, "The next training leaves true alarms out of what is normal and learns that false ones are.")));
  }

  #button(verdict) {
    const button = element("button", { type: "button", "data-verdict": verdict, "aria-pressed": "false" },
      element("span", { class: "sign", "aria-hidden": "true" }, MARKS[verdict]), ` ${VERDICTS[verdict]}`);
    button.addEventListener("click", () => this.#save(() => say(this.device, this.event, { verdict: verdict === "unsure" ? null : verdict, note: this.note.value })));
    return button;
  }

  #typed() {
    this.#dirty = true;
    setText(this.status, "");
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#saveNote(), TYPING_MS);
  }

  #saveNote() {
    if (!this.#dirty) return;
    const verdict = () => labelOf(this.device, this.event)?.verdict ?? null;
    this.#save(() => say(this.device, this.event, { verdict: verdict(), note: this.note.value }));
  }

  #takeBack() {
    this.note.value = "";
    this.#save(() => withdraw(this.device, this.event));
    this.group.firstElementChild.focus(); // the button that had the focus goes
  }

  #save(what) {
    clearTimeout(this.#typing);
    this.#dirty = true; // what comes from elsewhere must not replace what is being said here
    setText(this.status, "saving …");
    this.#saving = this.#saving.then(async () => {
      const note = this.note.value;
      await what();
      this.#dirty = this.note.value !== note;
      setText(this.status, this.#dirty ? "" : "saved");
      this.refresh();
    }).catch((error) => setText(this.status, `not saved: ${error.message}`));
  }
}

/** Buttons and a note for one event, {epoch, id}; a node that keeps itself. One a page. */
export function feedbackFor(device, event) {
  return Object.assign(document.createElement("pc-feedback"), { device, event });
}

class MissedAction extends Kept {
  refresh() {
    if (this.button) return;
    this.button = element("button", { type: "button", class: "missed-button", "data-testid": "mark-missed" }, "Mark as a missed alarm");
    this.button.addEventListener("click", () => this.#mark());
    this.status = element("span", { class: "status", role: "status" });
    this.replaceChildren(this.button, this.status);
  }

  async #mark() {
    const span = this.span();
    if (!span) return setText(this.status, "choose a stretch in the charts first");
    this.button.disabled = true;
    try {
      await markMissed(this.device, ...span);
      setText(this.status, "marked");
    } catch (error) {
      setText(this.status, `not marked: ${error.message}`);
    }
    this.button.disabled = false;
  }
}

/** A button that marks a stretch; `span()` gives [from, to] in milliseconds, or null while none is chosen. */
export function missedAction(device, span) {
  return Object.assign(document.createElement("pc-missed-action"), { device, span });
}

class MissedList extends Kept {
  refresh() {
    const stretches = missedOf(this.device);
    this.hidden = stretches.length === 0;
    const focused = this.contains(document.activeElement);
    this.replaceChildren(element("section", { class: "card missed", "data-testid": "missed", "aria-labelledby": "missed-title" },
      element("h2", { id: "missed-title", tabindex: -1 }, "Missed alarms"),
      element("ul", {}, ...stretches.map((stretch) => this.#row(stretch)))));
    if (focused) this.querySelector("button, h2")?.focus({ preventScroll: true });
  }

  #row(stretch) {
    const name = `${time(stretch.from_ms)} to ${time(stretch.to_ms)}`;
    const remove = element("button", { type: "button", class: "plain", "aria-label": `take back the missed alarm ${name}` }, "take back");
    remove.addEventListener("click", () => unmarkMissed(this.device, stretch.id).catch(() => {}));
    const link = element("a", { href: `#/device/${encodeURIComponent(this.device)}?from=${stretch.from_ms}&to=${stretch.to_ms}` }, name);
    return element("li", {}, link, stretch.note ? element("span", { class: "note" }, stretch.note) : null, remove);
  }
}

/** The marked stretches of a room, each with a way to take it back; hidden while there are none. */
export function missedList(device) {
  return Object.assign(document.createElement("pc-missed-list"), { device });
}

customElements.define("pc-label-badge", Badge);
customElements.define("pc-feedback", Feedback);
customElements.define("pc-missed-action", MissedAction);
customElements.define("pc-missed-list", MissedList);
