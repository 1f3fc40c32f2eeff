/* What the browser does with sound alone: it plays sentences while the next ones are made, and goes to a place in a sound
   when a line of its text or its piano roll is pressed.

   The server draws the stage (studio/ui/audio/view.py): .spoken tells the job and how many pieces there are by now, as
   media/jobs/<job>/sound-<n>.wav, or the names of the pieces where they come of several jobs (a talk). They are scheduled one
   behind the other on one AudioContext, so that nothing is heard between them and everything can be stopped at once. Only a
   press on Speak, or to talk, lets a job be heard by itself. */
(() => {
  const AHEAD = 4; // pieces that are fetched and scheduled before they are heard

  class Speech {
    constructor(stage) {
      this.stage = stage;
      this.job = "";
      this.isArmed = false;
      this.reset();
      const told = ["data-job", "data-count", "data-pieces", "data-whole"]; // gradio 6.31 changes attributes in place
      new MutationObserver(() => this.look()).observe(stage, { childList: true, subtree: true, attributeFilter: told });
      setInterval(() => this.mark(), 150);
      this.look();
    }

    reset() {
      for (const one of this.scheduled ?? []) { one.source.onended = null; one.source.stop(); }
      this.scheduled = [];
      this.next = 0;
      this.at = 0;
      this.isPlaying = false;
      this.isFetching = false;
      this.turn = {};
    }

    // the browser lets sound begin only by a press
    arm() {
      this.context ??= new AudioContext();
      this.context.resume();
      this.reset();
      this.isArmed = true;
    }

    look() {
      const spoken = this.stage.querySelector(".spoken");
      if (spoken && spoken.dataset.job !== this.job) {
        this.reset();
        this.job = spoken.dataset.job;
        this.count = 0;
        this.isPlaying = this.isArmed;
        this.isArmed = false;
      }
      if (!spoken && this.job && !this.isArmed) { this.reset(); this.job = ""; }
      if (spoken?.dataset.count) this.count = Number(spoken.dataset.count);
      this.pieces = spoken?.dataset.pieces?.split(" ");
      this.isWhole = spoken ? "whole" in spoken.dataset : false;
      this.pump();
      this.mark();
    }

    async pump() {
      if (!this.isPlaying || this.isFetching || this.next >= this.count) return;
      const waiting = this.scheduled.filter((one) => one.ends > this.context.currentTime);
      if (waiting.length >= AHEAD && !this.pieces) return; // those of a talk are soon gone
      const turn = this.turn, number = this.next;
      this.isFetching = true;
      let buffer = null;
      try {
        const answer = await fetch(`media/jobs/${this.pieces?.[number] ?? `${this.job}/sound-${number}.wav`}`);
        if (answer.ok) buffer = await this.context.decodeAudioData(await answer.arrayBuffer());
      } catch { buffer = null; }
      if (turn !== this.turn) return;
      this.isFetching = false;
      if (!buffer && this.pieces) { this.next = number + 1; this.pump(); return; }
      if (!buffer) { this.goOn(number); return; }
      const source = this.context.createBufferSource();
      source.buffer = buffer;
      source.connect(this.context.destination);
      const begins = Math.max(this.at, this.context.currentTime + 0.05);
      source.start(begins);
      source.onended = () => { this.pump(); this.mark(); };
      this.at = begins + buffer.duration;
      this.scheduled = [...this.scheduled.filter((one) => one.ends > this.context.currentTime), { number, source, begins, ends: this.at }];
      this.next = number + 1;
      this.pump();
    }

    // the pieces are gone, as the whole is there: from the same sentence on in its player
    goOn(number) {
      const audio = this.stage.querySelector("audio");
      const line = this.stage.querySelectorAll(".segments [data-seek]")[number];
      this.reset();
      if (!audio) return;
      audio.currentTime = Number(line?.dataset.seek ?? 0);
      audio.play();
    }

    play() {
      this.context ??= new AudioContext();
      this.context.resume();
      if (this.isPlaying) { this.mark(); return; }
      this.stage.querySelector("audio")?.pause();
      this.reset();
      this.isPlaying = true;
      this.pump();
    }

    pause() { this.context?.suspend(); this.mark(); }

    stop() { this.reset(); this.isArmed = false; this.mark(); }

    // what is heard now, and which buttons that leaves
    mark() {
      const now = this.context?.currentTime ?? 0;
      const heard = this.scheduled.find((one) => one.begins <= now && now < one.ends);
      const isOver = this.isPlaying && this.isWhole && this.next >= this.count && !this.scheduled.some((one) => one.ends > now);
      if (isOver) this.isPlaying = false;
      const isPaused = this.isPlaying && this.context?.state === "suspended";
      this.stage.dataset.speech = !this.isPlaying ? "idle" : isPaused ? "paused" : "playing";
      if (heard) this.stage.dataset.heard = String(heard.number + 1);
      this.stage.querySelectorAll(".sentences [data-piece]").forEach((line) =>
        line.classList.toggle("is-heard", Number(line.dataset.piece) === heard?.number));
      if (this.isWhole && (heard || this.marked)) {
        this.stage.querySelectorAll(".segments li").forEach((line, at) => line.classList.toggle("is-heard", at === heard?.number));
        this.marked = Boolean(heard); // after the last one the player of the whole marks its own
      }
    }
  }

  // ── the stage, once its tab has been opened ───────────────────────────────────────────────────────────────────────

  const speeches = new Map();
  const speaking = (id) => {
    const stage = document.getElementById(id);
    if (stage && speeches.get(id)?.stage !== stage) {
      speeches.get(id)?.reset();
      speeches.set(id, new Speech(stage));
    }
    return speeches.get(id);
  };
  const silence = (but) => speeches.forEach((one) => { if (one !== but) one.stop(); });
  const arm = (id) => { const one = speaking(id); silence(one); one?.arm(); };
  window.studioTalkBegins = () => arm("talk-spoken");
  new MutationObserver(() => { speaking("speak-stage"); speaking("talk-spoken"); })
    .observe(document.documentElement, { childList: true, subtree: true });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.closest?.("#talk-text")) arm("talk-spoken");
  }, true);
  document.addEventListener("click", (event) => {
    const pressed = (selector) => event.target.closest?.(selector);
    if (pressed("#speak-run")) arm("speak-stage");
    if (pressed("#speak-stop")) speaking("speak-stage")?.stop();
    if (pressed("#talk-send, #talk-actions [data-action=aloud]")) arm("talk-spoken");
    if (pressed("#talk-stop, #talk-actions [data-action=new]")) speaking("talk-spoken")?.stop();
    const act = pressed("[data-speech]:is(button)")?.dataset.speech;
    if (act) speaking(pressed("[data-speech]:not(button)")?.id)?.[act]();
    const line = pressed("[data-seek]");
    if (line) {
      const audio = line.closest(".stage")?.querySelector("audio");
      if (audio) { silence(); audio.currentTime = Number(line.dataset.seek); audio.play(); }
    }
    const roll = pressed(".roll");
    const audio = roll?.closest(".stage")?.querySelector("audio");
    if (audio) {
      const box = roll.getBoundingClientRect();
      audio.currentTime = (event.clientX - box.left) / box.width * Number(roll.dataset.beats) * 60 / Number(roll.dataset.tempo);
      audio.play();
    }
  }, true);

  // one sound at a time, and its place shown in its text and its notes
  document.addEventListener("play", (event) => {
    if (!event.target.matches?.("audio")) return;
    silence();
    document.querySelectorAll("audio").forEach((other) => { if (other !== event.target) other.pause(); });
  }, true);
  document.addEventListener("timeupdate", (event) => {
    const stage = event.target.closest?.(".stage"), now = event.target.currentTime;
    stage?.querySelectorAll(".segments [data-seek]").forEach((line) => {
      const isHeard = !event.target.paused && now >= Number(line.dataset.seek) && now < Number(line.dataset.until);
      line.parentElement.classList.toggle("is-heard", isHeard);
    });
    const roll = stage?.querySelector(".roll");
    roll?.style.setProperty("--at", `${Math.min(100, now * Number(roll.dataset.tempo) / 60 / Number(roll.dataset.beats) * 100)}%`);
  }, true);
})();
