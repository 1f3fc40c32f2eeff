/* <live-view src="live/…" data-seconds="…">: shows how something looks by now (studio/api/live.py). It asks while somebody can see it,
   and once more at its press. What stays the same in a look is left alone: one preview follows the other without a blank between them. */
(() => {
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

    later(seconds) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), 1000 * seconds);
    }

    async look() {
      clearTimeout(this.timer);
      const seconds = Number(this.dataset.seconds);
      if (document.hidden || !this.checkVisibility()) { this.later(seconds); return; }
      const source = this.getAttribute("src");
      try {
        const answer = await fetch(source, { cache: "no-store", headers: source === this.shown ? { "If-None-Match": this.tag } : {} });
        if (answer.status === 404) return; // it has ended: whoever put it here takes it away
        if (answer.status === 200 && this.isConnected && source === this.getAttribute("src")) {
          const look = document.createElement("template"); // what stands in one is not fetched
          look.innerHTML = await answer.text();
          patchInside(this, look.content);
          [this.shown, this.tag] = [source, answer.headers.get("etag")];
        }
      } catch { /* the server is being started again */ }
      if (this.isConnected) this.later(seconds);
    }
  });
})();
