/* <live-view src="live/…" data-seconds="…">: shows how something looks by now (studio/api/live.py). It asks while somebody can see it,
   and once more at its press, and less and less often where nobody answers. What stays the same in a look is left alone: one preview
   follows the other without a blank between them. The keyboard's focus stays with the job of a button, or is given up with it. */
(() => {
  const LONGEST_SECONDS = 30, UNSEEN_SECONDS = 0.3;
  const patch = (was, is) => {
    for (const { name } of [...was.attributes]) if (!is.hasAttribute(name)) was.removeAttribute(name);
    for (const { name, value } of is.attributes) if (was.getAttribute(name) !== value) was.setAttribute(name, value);
    patchInside(was, is);
  };
  const patchInside = (was, is) => {
    const pairs = [...is.childNodes].map((one, n) => [was.childNodes[n], one]);
    const isAlike = pairs.length === was.childNodes.length && pairs.every(([one, other]) => one.nodeName === other.nodeName);
    if (!isAlike) { was.replaceChildren(...is.childNodes); return; }
    for (const [one, other] of pairs) {
      if (one.nodeType === Node.ELEMENT_NODE) patch(one, other);
      else if (one.data !== other.data) one.data = other.data;
    }
  };

  const keepingFocus = (view, change) => {
    const held = view.contains(document.activeElement) ? document.activeElement : null;
    const { action, id } = held?.dataset ?? {};
    change();
    if (!action || (held.isConnected && held.dataset.action === action && held.dataset.id === id)) return;
    held.blur();
    [...view.querySelectorAll("[data-action]")].find((one) => one.dataset.action === action && one.dataset.id === id)?.focus();
  };

  customElements.define("live-view", class extends HTMLElement {
    static observedAttributes = ["src"];

    attributeChangedCallback() { if (this.isConnected) this.look(); } // gradio 6.31 changes attributes in place

    connectedCallback() {
      this.addEventListener("click", this.soon);
      this.look();
    }

    disconnectedCallback() {
      this.removeEventListener("click", this.soon);
      clearTimeout(this.timer);
    }

    soon() { this.later(0.3); }

    isSeen() { return !document.hidden && this.offsetParent && !this.closest(".sidebar:not(.open)"); }

    later(seconds) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), 1000 * seconds);
    }

    async look() {
      clearTimeout(this.timer);
      const seconds = Number(this.dataset.seconds);
      if (this.tag && !this.isSeen()) { this.later(UNSEEN_SECONDS); return; }
      const source = this.getAttribute("src");
      this.pause = Math.min(2 * (this.pause ?? seconds / 2), LONGEST_SECONDS);
      try {
        const answer = await fetch(source, { cache: "no-store", headers: source === this.shown ? { "If-None-Match": this.tag } : {} });
        if (answer.status === 404) return; // it has ended: whoever put it here takes it away
        if (answer.ok || answer.status === 304) this.pause = null;
        if (answer.status === 200 && this.isConnected && source === this.getAttribute("src")) {
          const look = document.createElement("template"); // what stands in one is not fetched
          look.innerHTML = await answer.text();
          keepingFocus(this, () => patchInside(this, look.content));
          [this.shown, this.tag] = [source, answer.headers.get("etag")];
        }
      } catch { /* the server is being started again */ }
      if (this.isConnected) this.later(this.pause ?? seconds);
    }
  });
})();
