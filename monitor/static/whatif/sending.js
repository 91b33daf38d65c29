// A level on its way to the device: the question before, the order, and what the device answered.

import { fetchOrder, sendLevel } from "../shell/api.js";
import { element, setText } from "../shell/dom.js";
import { short } from "./words.js";

const POLL_MS = 500;

export class Sending {
  #level = null; // that would be sent; null: it is in force already
  #isUnderWay = false; // a level that the device has not answered yet

  /** `onAnswer()` is awaited when the device has answered, or will not. */
  constructor(deviceId, onAnswer) {
    this.deviceId = deviceId;
    this.onAnswer = onAnswer;
    this.#build();
  }

  /** What the button would send now; a question that is open stays true to it. */
  offer(level) {
    this.#level = level;
    this.send.disabled = level === null || this.#isUnderWay;
    if (level === null) this.confirmation.hidden = true;
    else if (!this.confirmation.hidden) this.#phrase();
  }

  #build() {
    this.send = element("button", { type: "button", class: "act", "data-testid": "whatif-send" }, "Send to the device");
    this.send.addEventListener("click", () => this.#ask());
    this.question = element("span", {});
    this.yes = element("button", { type: "button", class: "act", "data-testid": "whatif-confirm" }, "Yes, send it");
    this.yes.addEventListener("click", () => this.#deliver());
    const no = element("button", { type: "button", class: "plain" }, "Cancel");
    no.addEventListener("click", () => this.#close());
    this.confirmation = element("div", { class: "confirmation", role: "group", "aria-label": "Confirm", hidden: true }, this.question, this.yes, no);
    this.confirmation.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#close();
    });
    this.outcome = element("p", { class: "outcome", role: "status", "data-testid": "whatif-outcome" });
    this.node = element("div", { class: "sending" }, this.send, this.confirmation, this.outcome);
  }

  #ask() {
    this.#phrase();
    this.confirmation.hidden = false;
    setText(this.outcome, "");
    this.yes.focus();
  }

  #phrase() {
    setText(this.question, `Multiply all alarm levels of ${this.deviceId} by ${short(this.#level)}? It holds at once, until another level or another model comes.`);
  }

  #close() {
    this.confirmation.hidden = true;
    this.send.focus();
  }

  async #deliver() {
    const level = Number(short(this.#level));
    this.#close();
    this.#say("pending", `Sent ${short(level)}; waiting for the device's answer`);
    this.#isUnderWay = true;
    this.send.disabled = true;
    try {
      const order = await this.#settled(await sendLevel(this.deviceId, level));
      if (order.state === "done") this.#say("done", `Done: all alarm levels are ${short(level)} times as calibrated from now on`);
      else this.#say(order.state, order.state === "refused" ? `The device refused: ${order.why}` : order.why);
    } catch (error) {
      this.#say("refused", `It was not sent: ${error.message}`);
    } finally {
      this.#isUnderWay = false;
      await this.onAnswer();
    }
  }

  async #settled(order) {
    while (order.state === "pending") {
      await new Promise((done) => setTimeout(done, POLL_MS));
      order = await fetchOrder(this.deviceId, order.request);
    }
    return order;
  }

  #say(state, sentence) {
    this.outcome.dataset.outcome = state;
    setText(this.outcome, sentence);
  }
}
