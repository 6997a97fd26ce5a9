// Sends what is kept, in any order and as often as need be: each thing has its number, and the server knows it again.
"use strict";

const Sync = (() => {
  const FORM = "serviceday-round";
  const VERSION = 1;
  const AT_ONCE = 50;
  const WAITS = [3, 6, 12, 30, 60]; // seconds
  let round = null;
  let address = "";
  let running = false;
  let again = false;
  let failures = 0;
  let timer = 0;
  let held = null; // the item that is open on the page: sent when it is left
  const listeners = [];
  const state = { phase: "idle", words: null }; // idle, sending, offline, failing, refused

  function changed(phase, words) {
    state.phase = phase;
    state.words = words || null;
    listeners.forEach((listener) => listener());
  }

  const number = (row) => `${row.device}:${row.seq}`;
  const settled = (row) => !row.dirty && row.settled === number(row);

  function pending() {
    return {
      answers: Store.all("answers", round.id).filter((row) => row.answer && !settled(row)),
      requests: Store.all("requests", round.id).filter((row) => !settled(row)),
      photos: Store.all("photos", round.id).filter((row) => !settled(row)),
    };
  }

  function waiting() {
    const rows = pending();
    return rows.answers.length + rows.requests.length + rows.photos.length;
  }

  const answerOf = (row) => ({
    key: row.key, seq: row.seq, answer: row.answer, done_at: row.doneAt, typed_at: row.typedAt,
    measured: row.measured || "", mode: row.answer === "abnormal" ? row.mode || "" : "",
    mended: row.answer === "abnormal" && Boolean(row.mended), note: row.note || "",
  });
  const requestOf = (row) => ({
    seq: row.seq, text: row.text, at: row.at, place: row.place || "", name: row.name || "", phone: row.phone || "",
  });

  function submission(device, rows) {
    return {
      form: FORM, version: VERSION, plan: round.plan, person: round.person, device,
      sent_at: new Date().toISOString(),
      answers: rows.answers.map(answerOf), requests: rows.requests.map(requestOf),
    };
  }

  class Refused extends Error {
    constructor(words, link) { super("refused"); this.words = words; this.link = link; }
  }
  class Failing extends Error {
    constructor(words) { super("failing"); this.words = words; }
  }

  async function ask(path, options) {
    const answer = await fetch(`${address}${path}`, { cache: "no-store", credentials: "same-origin", ...options });
    let body = null;
    try { body = await answer.json(); } catch (error) { throw new Failing(null); }
    if (answer.ok) return body;
    if (body.refused) throw new Refused(body.refused, Boolean(body.link));
    throw new Failing(body.failed || null);
  }

  async function settle(table, row, sent, why) {
    if (number(row) !== sent) return; // it was changed meanwhile and goes out again
    row.settled = sent;
    row.why = why;
    row.settledAt = new Date().toISOString();
    await Store.put(table, row);
  }

  function devices(rows) {
    return [...new Set([...rows.answers, ...rows.requests].map((row) => row.device))];
  }

  async function sendWords(rows) {
    const groups = devices(rows);
    if (groups.length === 0) groups.push("");
    for (const device of groups) {
      const own = {
        answers: rows.answers.filter((row) => row.device === device).slice(0, AT_ONCE),
        requests: rows.requests.filter((row) => row.device === device).slice(0, AT_ONCE),
      };
      if (device === "") return;
      const sent = new Map([...own.answers, ...own.requests].map((row) => [row, number(row)]));
      for (const row of own.answers) row.attempted = true; // from now on a change needs a number of its own
      const body = submission(device, own);
      for (const row of own.answers) await Store.put("answers", row);
      const receipt = await ask("/sync", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
      round.standing = receipt.standing;
      await Store.put("rounds", round);
      for (const row of own.answers) {
        const seq = sent.get(row).split(":")[1];
        if (seq in receipt.answers) await settle("answers", row, sent.get(row), receipt.answers[seq]);
      }
      for (const row of own.requests) {
        if (row.seq in receipt.requests) await settle("requests", row, sent.get(row), receipt.requests[row.seq]);
      }
      listeners.forEach((listener) => listener());
    }
  }

  async function sendPhoto(row) {
    const about = new URLSearchParams({
      device: row.device, seq: String(row.seq), item: String(row.item), kind: row.kind, taken_at: row.takenAt,
      sent_at: new Date().toISOString(),
    });
    try {
      await ask(`/photo?${about}`, { method: "POST", headers: { "Content-Type": row.type }, body: row.bytes });
      await settle("photos", row, number(row), null);
    } catch (error) {
      if (!(error instanceof Refused) || error.link) throw error;
      await settle("photos", row, number(row), error.words);
    }
  }

  async function rounds() {
    for (;;) {
      const rows = pending();
      rows.answers = rows.answers.filter((row) => row.item !== held && !row.dirty);
      if (rows.answers.length + rows.requests.length === 0) break;
      await sendWords(rows);
    }
    for (const row of pending().photos) await sendPhoto(row);
  }

  async function send() {
    if (round === null || address === "") return;
    if (running) { again = true; return; }
    running = true;
    clearTimeout(timer);
    try {
      do {
        again = false;
        if (state.phase !== "refused") changed("sending");
        await rounds();
      } while (again);
      failures = 0;
      changed("idle");
    } catch (error) {
      if (error instanceof Refused) {
        changed("refused", error.words);
      } else {
        changed(error instanceof Failing ? "failing" : "offline", error.words);
        timer = setTimeout(send, 1000 * WAITS[Math.min(failures, WAITS.length - 1)]);
        if (navigator.onLine) failures += 1; // while it is plain that there is no network, nothing is learnt from failing
      }
    } finally {
      running = false;
    }
  }

  async function load() {
    const answer = await ask("/data", {});
    return { ...answer.round, standing: answer.standing };
  }

  const text = (bytes) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",", 2)[1] || "");
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(new Blob([bytes]));
  });

  // Everything of the round, sent or not, as one file that `serviceday day results` takes.
  async function asFile() {
    const rows = {
      answers: Store.all("answers", round.id).filter((row) => row.answer && !row.dirty),
      requests: Store.all("requests", round.id),
      photos: Store.all("photos", round.id),
    };
    const parts = [];
    for (const device of new Set([...rows.answers, ...rows.requests, ...rows.photos].map((row) => row.device))) {
      const own = Object.fromEntries(Object.entries(rows).map(([name, all]) => [name, all.filter((row) => row.device === device)]));
      for (const row of own.answers) row.attempted = true;
      const words = submission(device, own);
      for (const row of own.answers) await Store.put("answers", row);
      const photos = [];
      for (const row of own.photos) {
        photos.push({ seq: row.seq, item: row.item, kind: row.kind, taken_at: row.takenAt, data: await text(row.bytes) });
      }
      parts.push({ ...words, photos });
    }
    return new Blob([JSON.stringify({ form: "serviceday-round-file", version: VERSION, parts })], { type: "application/json" });
  }

  return {
    send, load, waiting, settled, asFile,
    begin(of, at) { round = of; address = at; },
    hold(item) { held = item; },
    online() { failures = 0; return send(); },
    onChange: (listener) => listeners.push(listener),
    get phase() { return state.phase; },
    get words() { return state.words; },
  };
})();
