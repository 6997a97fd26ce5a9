// What is kept on the phone. Everything lives in memory and, at once, in IndexedDB; where that is not to be had, or is
// full, memory alone remains and `Store.trouble` says so. Tables are only ever added: an older page's answers stay.
"use strict";

const Store = (() => {
  const NAME = "serviceday-rounds";
  const SCHEMA = 1;
  const TABLES = ["meta", "rounds", "answers", "requests", "photos"];
  const memory = Object.fromEntries(TABLES.map((table) => [table, new Map()]));
  let database = null;
  let numbers = null; // {device, seq}: who we are to the server, and the last number given
  const listeners = [];

  const state = { trouble: "", persisted: false };

  function told(trouble) {
    state.trouble = trouble;
    listeners.forEach((listener) => listener());
  }

  function random() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function connect() {
    return new Promise((resolve, reject) => {
      let request;
      try {
        request = indexedDB.open(NAME, SCHEMA);
      } catch (error) {
        reject(error);
        return;
      }
      request.onupgradeneeded = () => {
        for (const table of TABLES) {
          if (!request.result.objectStoreNames.contains(table)) request.result.createObjectStore(table, { keyPath: "id" });
        }
      };
      request.onsuccess = () => {
        database = request.result;
        database.onversionchange = () => database.close();
        database.onclose = () => { database = null; }; // the system may take it away under us
        resolve();
      };
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("blocked"));
    });
  }

  // One transaction; once more on a new connection where the old one was taken away.
  async function within(tables, mode, work) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        if (database === null) await connect();
        return await new Promise((resolve, reject) => {
          const transaction = database.transaction(tables, mode);
          let answer;
          transaction.oncomplete = () => resolve(answer);
          transaction.onabort = () => reject(transaction.error || new Error("aborted"));
          transaction.onerror = () => reject(transaction.error);
          work(transaction, (value) => { answer = value; });
        });
      } catch (error) {
        if (attempt > 0 || !["InvalidStateError", "TransactionInactiveError"].includes(error.name)) throw error;
        database = null;
      }
    }
  }

  async function load() {
    const rows = await within(TABLES, "readonly", (transaction, done) => {
      const all = {};
      done(all);
      for (const table of TABLES) {
        const request = transaction.objectStore(table).getAll();
        request.onsuccess = () => { all[table] = request.result; };
      }
    });
    for (const table of TABLES) {
      for (const row of rows[table]) memory[table].set(row.id, row);
    }
  }

  async function open() {
    try {
      if (!("indexedDB" in window) || window.indexedDB === null) throw new Error("none");
      await connect();
      await load();
      if (navigator.storage && navigator.storage.persisted) state.persisted = await navigator.storage.persisted();
    } catch (error) {
      database = null;
      told("no_store");
    }
  }

  async function askToPersist() {
    if (state.persisted || !navigator.storage || !navigator.storage.persist) return;
    try { state.persisted = await navigator.storage.persist(); } catch (error) { state.persisted = false; }
  }

  // The next number of this device. Numbers are given inside a transaction, so two open pages never give the same.
  async function next() {
    if (state.trouble !== "no_store") {
      try {
        return await within(["meta"], "readwrite", (transaction, done) => {
          const table = transaction.objectStore("meta");
          const request = table.get("numbers");
          request.onsuccess = () => {
            const row = request.result || { id: "numbers", device: random(), seq: 0 };
            row.seq += 1;
            table.put(row);
            done({ device: row.device, seq: row.seq });
          };
        });
      } catch (error) {
        told(error && error.name === "QuotaExceededError" ? "full" : state.trouble || "full");
      }
    }
    numbers = numbers || { device: random(), seq: 0 };
    numbers.seq += 1;
    return { ...numbers };
  }

  async function put(table, row) {
    memory[table].set(row.id, row);
    if (state.trouble === "no_store") return false;
    try {
      await within([table], "readwrite", (transaction) => { transaction.objectStore(table).put(row); });
      if (state.trouble === "full") told("");
      return true;
    } catch (error) {
      told("full");
      return false;
    }
  }

  async function remove(table, id) {
    memory[table].delete(id);
    if (state.trouble === "no_store") return;
    try {
      await within([table], "readwrite", (transaction) => { transaction.objectStore(table).delete(id); });
    } catch (error) { /* it is removed at the next start */ }
  }

  return {
    open, next, put, remove, load, askToPersist,
    get: (table, id) => memory[table].get(id),
    all: (table, round) => Array.from(memory[table].values()).filter((row) => round === undefined || row.round === round),
    onTrouble: (listener) => listeners.push(listener),
    get trouble() { return state.trouble; },
    get persisted() { return state.persisted; },
  };
})();
