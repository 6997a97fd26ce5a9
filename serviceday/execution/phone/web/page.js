// The page: the round as a list, an item, a resident's request, and the end of the round.
"use strict";

const Page = (() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const PHRASES = read("phrases");
  const ALONE = read("round"); // a round inside the file itself; null where a server gives it
  const TOKEN = ALONE ? "" : decodeURIComponent(location.pathname.split("/")[2] || "");
  const ANSWERS = ["normal", "abnormal", "not-applicable", "no-access"];
  const SIGNS = { normal: "✓", abnormal: "!", "not-applicable": "–", "no-access": "⌀" };
  const bar = document.getElementById("bar");
  const main = document.getElementById("main");
  const notices = document.getElementById("notices");
  let language = "zh";
  let round = null;
  let refusal = null;
  let filter = "";
  let onlyOpen = false;
  let chain = Promise.resolve();
  let place = 0; // where the list was scrolled to

  // --- words and elements -------------------------------------------------------------------------------------------

  const say = (key, values) => (PHRASES[language][key] || key).replace(/\{(\w+)\}/g, (_, name) => (values || {})[name]);
  const both = (words) => (words ? words[language] : "");
  // Times by the clock of the place, whatever zone the phone is in.
  const local = (date, form) => date.toLocaleString(language === "zh" ? "zh-CN" : "en-GB", { timeZone: round ? round.timezone : undefined, ...form });
  const clock = (iso) => local(new Date(iso), { hour: "2-digit", minute: "2-digit" });
  const dayOf = (date) => local(date, { month: "short", day: "numeric" });
  const moment = (iso) => (dayOf(new Date(iso)) === dayOf(new Date()) ? clock(iso) : `${dayOf(new Date(iso))} ${clock(iso)}`);
  const figure = (value) => String(Number(value.toPrecision(4)));

  function h(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (key === "value" || key === "checked" || key === "disabled") element[key] = value;
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }

  const fill = (element, ...children) => { element.replaceChildren(...children.flat().filter(Boolean)); return element; };

  // --- what is typed ------------------------------------------------------------------------------------------------

  const idOf = (number) => `${round.id}/${number}`;
  const answerTo = (number) => Store.get("answers", idOf(number));
  const photosOf = (number) => Store.all("photos", round.id).filter((row) => row.item === number && row.kind === "photo");

  // Changes an answer: kept at once, and given a number of its own if what had the old one may have been sent.
  function change(item, fields) {
    const row = answerTo(item.number) || { id: idOf(item.number), round: round.id, item: item.number, key: item.key };
    Object.assign(row, fields);
    row.typedAt = new Date().toISOString();
    if (!row.device || row.attempted) row.dirty = true;
    const kept = Store.put("answers", row);
    Store.askToPersist();
    chain = chain.then(() => kept).then(() => numbered(row)).then(refresh);
    return chain;
  }

  async function numbered(row) {
    if (!row.dirty) return;
    const given = await Store.next();
    Object.assign(row, given, { attempted: false, dirty: false, why: null });
    await Store.put("answers", row);
  }

  async function clear(item) {
    const row = answerTo(item.number);
    await chain;
    if (row && !row.attempted && !row.settled) await Store.remove("answers", row.id);
    show();
  }

  // What is to be said of an item: [sign, word, class].
  function stateOf(item) {
    const row = answerTo(item.number);
    const standing = (round.standing || {})[item.number];
    if (row && row.answer) {
      if (!Sync.settled(row)) return ["●", say("state_kept"), "kept"];
      if (row.why) return ["✕", say("state_refused"), "refused"];
      if (standing && standing.conflict.length) return ["≠", say("state_conflict"), "conflict"];
      return ["✓", say("state_sent"), "sent"];
    }
    if (standing && standing.conflict.length) return ["≠", say("state_conflict"), "conflict"];
    if (standing && standing.holds) return ["✓", say("state_by", { by: standing.holds.by }), "sent"];
    if (row && (row.note || row.measured || photosOf(item.number).length)) return ["○", say("state_started"), "started"];
    return ["", "", "open"];
  }

  const answerOf = (item) => {
    const row = answerTo(item.number);
    const standing = (round.standing || {})[item.number];
    return (row && row.answer) || (standing && standing.holds && standing.holds.answer) || "";
  };
  const isOpen = (item) => !answerOf(item) && stateOf(item)[2] !== "conflict";

  // --- header and notices -------------------------------------------------------------------------------------------

  function connection() {
    const waiting = round ? Sync.waiting() : 0;
    if (ALONE) return [waiting ? say("file_waiting", { count: waiting }) : say("file_mode"), "file"];
    if (Sync.phase === "refused") return [say("chip_refused"), "refused"];
    if (Sync.phase === "sending" && waiting && navigator.onLine) return [say("chip_sending", { count: waiting }), "kept"];
    if (Sync.phase === "offline" || !navigator.onLine) return [waiting ? say("chip_offline_kept", { count: waiting }) : say("chip_offline"), "offline"];
    if (Sync.phase === "failing") return [say("chip_failing", { count: waiting }), "refused"];
    return waiting ? [say("chip_kept", { count: waiting }), "kept"] : [say("chip_sent"), "sent"];
  }

  function head() {
    const other = language === "zh" ? "en" : "zh";
    const toggle = h("button", { class: "language", lang: other, onclick: () => speak(other) }, PHRASES[other].language);
    if (!round) return fill(bar, h("div", { class: "row" }, h("strong", {}, "serviceday"), toggle));
    const done = round.items.filter((item) => !isOpen(item)).length;
    const [words, kind] = connection();
    return fill(
      bar,
      h("div", { class: "row" },
        h("div", { class: "who" }, h("strong", {}, round.name), h("span", {}, round.day)),
        h("span", { class: `chip ${kind}`, id: "chip" }, words), toggle),
      h("div", { class: "row progress" },
        h("progress", { max: round.items.length || 1, value: done, "aria-label": say("progress", { done, all: round.items.length }) }),
        h("span", {}, say("progress", { done, all: round.items.length }))),
    );
  }

  function notice(kind, title, words, ...more) {
    return h("div", { class: `notice ${kind}` }, title ? h("strong", {}, title) : null, words ? h("p", {}, words) : null, ...more);
  }

  const exportButton = (kind) => h("button", { class: kind || "second", onclick: exported }, say("export"));

  function tell() {
    const told = [];
    if (Store.trouble === "no_store") told.push(notice("bad", say("no_store"), say("no_store_do"), exportButton()));
    if (Store.trouble === "full") told.push(notice("bad", say("full"), say("full_do"), exportButton()));
    if (refusal) told.push(notice("bad", both(refusal), round ? say("refused_kept") : "", round ? exportButton() : null));
    else if (Sync.phase === "refused") told.push(notice("bad", both(Sync.words), say("refused_kept"), exportButton()));
    if (!ALONE && round && !("serviceWorker" in navigator)) told.push(notice("warn", say("no_worker"), say("no_worker_do")));
    fill(notices, told);
  }

  // What changes while somebody types is redrawn alone; fields that hold the cursor stay.
  let live = [];
  function refresh() {
    head();
    tell();
    live.forEach((draw) => draw());
  }
  const alive = (element, draw) => { live.push(() => draw(element)); draw(element); return element; };

  // --- the list -----------------------------------------------------------------------------------------------------

  function fits(item) {
    const words = [item.place, item.asset, item.asset_name, both(item.what), both(item.kind), String(item.number)].join(" ");
    return words.toLowerCase().includes(filter.toLowerCase()) && (!onlyOpen || isOpen(item));
  }

  function rowOf(item) {
    const [sign, word, kind] = stateOf(item);
    const answer = answerOf(item);
    const [label, tint] = answer ? [`${SIGNS[answer]} ${say(`short_${answer}`)}`, answer] : ["", ""];
    return h("li", {}, h("a", { href: `#/item/${item.number}`, class: `item ${kind}` },
      h("span", { class: "time" }, item.start || `#${item.number}`),
      h("span", { class: "about" },
        h("span", { class: "what" }, both(item.what)),
        h("span", { class: "place" }, item.asset ? [item.floor, item.asset_name || item.asset].filter(Boolean).join(" · ") : item.place),
        item.ground === "risk" || item.priority === "urgent" ? h("span", { class: `tag ${item.priority}` }, say(item.ground === "risk" ? "tag_risk" : "tag_urgent")) : null),
      h("span", { class: "state" }, label ? h("span", { class: `answer ${tint}` }, label) : null,
        word ? h("span", { class: `small ${kind}` }, `${sign} ${word}`) : null)));
  }

  function drawList(element) {
    const groups = [];
    for (const item of round.items.filter(fits)) {
      if (!groups.length || groups[groups.length - 1].where !== item.where) groups.push({ where: item.where, items: [] });
      groups[groups.length - 1].items.push(item);
    }
    fill(element, groups.map((group) => h("section", {}, group.where ? h("h2", {}, group.where) : null, h("ol", { class: "items" }, group.items.map(rowOf)))),
      groups.length ? null : h("p", { class: "plain" }, say(round.items.length ? "none_fits" : "no_items")));
  }

  function list() {
    const drawn = h("div", {});
    const search = h("input", { type: "search", value: filter, placeholder: say("search"), "aria-label": say("search"),
      oninput: (event) => { filter = event.target.value; drawList(drawn); } });
    const open = h("input", { type: "checkbox", checked: onlyOpen, onchange: (event) => { onlyOpen = event.target.checked; drawList(drawn); } });
    fill(main,
      h("h1", { class: "hidden" }, say("title")),
      h("div", { class: "tools" }, search, h("label", { class: "toggle" }, open, say("only_open"))),
      alive(drawn, drawList),
      h("p", { class: "plain small" }, say(ALONE ? "loaded_file" : "loaded", { at: moment(round.loaded_at) })));
    dock(h("a", { class: "button second", href: "#/request" }, say("request_add")), h("a", { class: "button first", href: "#/finish" }, say("finish")));
    scrollTo(0, place);
  }

  function dock(...children) {
    main.append(h("div", { class: "dock" }, ...children));
  }

  // --- an item ------------------------------------------------------------------------------------------------------

  // A figure as people type it, with either decimal sign; null where it is none.
  function number(words) {
    const plain = words.normalize("NFKC").trim().replace("−", "-");
    return /^[-+]?\d+([.,]\d+)?$/.test(plain) ? Number(plain.replace(",", ".")) : null;
  }

  function bandWords(band, unit) {
    const [low, high] = band;
    if (low !== null && high !== null) return `${figure(low)} – ${figure(high)} ${unit}`;
    return low !== null ? `≥ ${figure(low)} ${unit}` : high !== null ? `≤ ${figure(high)} ${unit}` : "";
  }

  const within = ([low, high], value) => (low === null || value >= low) && (high === null || value <= high);

  // What a measured value comes to: [class, words].
  function verdict(item, measure, words) {
    if (!words.trim() || !measure) return ["", ""];
    const value = number(words);
    const unit = both(measure.unit);
    if (value === null) return ["warn", say("not_a_number")];
    const heard = item.sensors.find((sensor) => sensor.key === measure.key && sensor.value !== null && !sensor.state);
    const limit = bandWords(measure.limit, unit);
    const read = `${figure(value)} ${unit}`.trim();
    if (!within(measure.possible, value)) return ["bad", say("impossible", { read })];
    let [kind, told] = ["good", limit ? say("within_limit", { read, limit }) : say("usual", { read })];
    if (!within(measure.limit, value)) [kind, told] = ["bad", say("beyond_limit", { read, limit })];
    else if (!within(measure.usual, value)) [kind, told] = ["warn", say("unusual", { read, usual: bandWords(measure.usual, unit) })];
    if (heard) {
      const scale = Math.max(Math.abs(heard.value), Math.abs(value), 1e-9);
      const apart = Math.abs(heard.value - value) / scale > 0.2 || within(measure.limit, heard.value) !== within(measure.limit, value);
      if (apart) {
        told += ` ${say("sensor_differs", { value: `${figure(heard.value)} ${unit}`.trim() })}`;
        if (kind === "good") kind = "warn";
      }
    }
    return [kind, told];
  }

  const measureOf = (item, row) => item.measures.find((measure) => measure.key === (row && row.measureKey)) || item.measures[0];

  // The measured value as it is sent: figure and unit, and which channel where it is not the first.
  function measuredWords(item, row) {
    const measure = measureOf(item, row);
    const words = (row.measuredTyped || "").trim();
    const value = number(words);
    if (!words || !measure || value === null) return words;
    const name = measure === item.measures[0] ? "" : `${measure.key} `;
    return `${name}${value} ${measure.unit.en}`.trim();
  }

  function sensorRow(sensor) {
    const unit = both(sensor.unit);
    const value = sensor.state ? both(sensor.state) : sensor.value === null ? "–" : `${figure(sensor.value)} ${unit}`.trim();
    return h("div", { class: "fact" }, h("dt", {}, both(sensor.name)),
      h("dd", { class: sensor.beyond ? "bad" : "" }, sensor.beyond ? `${value} · ${say("sensor_beyond")}` : value, h("span", { class: "small" }, moment(sensor.at))));
  }

  function sensorsOf(item) {
    if (!item.sensors_expected) return null;
    return h("section", { class: "card" }, h("h2", {}, say("sensors", { at: moment(round.loaded_at) })),
      item.sensors.length ? h("dl", {}, item.sensors.map(sensorRow)) : h("p", {}, say("sensors_none")));
  }

  function card(title, words, kind) {
    return words ? h("section", { class: `card ${kind || ""}` }, h("h2", {}, title), h("p", {}, words)) : null;
  }

  function choices(item) {
    return h("fieldset", { class: "choices" }, h("legend", {}, say("result")), ANSWERS.map((answer) => {
      const input = h("input", { type: "radio", name: "answer", value: answer, checked: (answerTo(item.number) || {}).answer === answer,
        onchange: () => change(item, { answer, doneAt: new Date().toISOString() }) });
      return h("label", { class: `choice ${answer}` }, input, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[answer]), h("span", {}, say(`answer_${answer}`)));
    }));
  }

  function faults(item) {
    const row = answerTo(item.number) || {};
    const option = (key, words) => h("option", { value: key }, words);
    const select = h("select", { onchange: (event) => change(item, { mode: event.target.value }) },
      option("", item.suspected ? say("fault_suspected") : say("fault_unnamed")),
      item.modes.map((mode) => option(mode.key, both(mode.name))), option("other", say("fault_other")));
    select.value = row.mode || "";
    const mended = h("input", { type: "checkbox", checked: Boolean(row.mended), onchange: (event) => change(item, { mended: event.target.checked }) });
    const block = h("div", { class: "faults" }, h("label", { class: "field" }, h("span", {}, say("fault")), select),
      h("label", { class: "toggle" }, mended, say("mended")));
    return alive(block, () => { block.hidden = (answerTo(item.number) || {}).answer !== "abnormal"; });
  }

  function measured(item) {
    const row = answerTo(item.number) || {};
    const typed = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", value: row.measuredTyped || "", "aria-describedby": "verdict",
      oninput: (event) => save({ measuredTyped: event.target.value }) });
    const save = (fields) => {
      const next = { ...(answerTo(item.number) || {}), ...fields };
      change(item, { ...fields, measured: measuredWords(item, next) });
    };
    const which = item.measures.length > 1 ? h("select", { "aria-label": say("measure_which"), onchange: (event) => save({ measureKey: event.target.value }) },
      item.measures.map((measure) => h("option", { value: measure.key }, both(measure.name)))) : null;
    const measure = measureOf(item, row);
    if (which && measure) which.value = measure.key;
    const unit = alive(h("span", { class: "unit" }), (element) => { const now = measureOf(item, answerTo(item.number)); fill(element, now ? document.createTextNode(both(now.unit)) : null); });
    const told = alive(h("p", { id: "verdict", "aria-live": "polite" }), (element) => {
      const now = answerTo(item.number) || {};
      const about = measureOf(item, now);
      const [kind, words] = verdict(item, about, now.measuredTyped || "");
      const limit = about ? bandWords(about.limit, both(about.unit)) : "";
      element.className = `verdict ${kind}`;
      fill(element, document.createTextNode(words || (limit ? say("limit", { limit }) : "")));
    });
    const title = item.measures.length === 1 ? `${say("measured")} · ${both(item.measures[0].name)}` : say("measured");
    return h("div", { class: "field" }, h("label", {}, h("span", {}, title), h("span", { class: "figure" }, typed, unit)), which, told);
  }

  function photoStrip(item) {
    const strip = alive(h("div", { class: "photos" }), (element) => fill(element, photosOf(item).map((row) => thumbnail(row))));
    const trouble = h("p", { class: "verdict bad", role: "alert" });
    const input = h("input", { type: "file", accept: "image/*", multiple: true, class: "hidden", id: `photo-${item}`, onchange: async (event) => {
      fill(trouble);
      for (const file of Array.from(event.target.files)) {
        try {
          await keepPhoto(item, "photo", await Camera.shrink(file), Camera.takenAt(file));
        } catch (error) {
          fill(trouble, document.createTextNode(say("photo_unreadable", { name: file.name })));
        }
      }
      event.target.value = "";
      refresh();
    } });
    return h("div", { class: "field" }, input, h("label", { class: "button second", for: `photo-${item}`, role: "button" }, say("photo_add")), strip, trouble);
  }

  async function keepPhoto(item, kind, picture, takenAt) {
    const given = await Store.next();
    const row = { id: `${round.id}/${given.device}:${given.seq}`, round: round.id, item, kind, takenAt, ...given, ...picture };
    await Store.put("photos", row);
    Sync.send();
    return row;
  }

  function thumbnail(row) {
    const address = URL.createObjectURL(new Blob([row.bytes], { type: row.type }));
    const image = h("img", { src: address, alt: say("photo_of", { at: moment(row.takenAt) }), width: 88, height: 88, onload: () => URL.revokeObjectURL(address) });
    const settled = Sync.settled(row);
    const words = !settled ? say("state_kept") : row.why ? both(row.why) : say("state_sent");
    const gone = settled ? null : h("button", { class: "plainly", onclick: async () => { await Store.remove("photos", row.id); refresh(); } }, say("remove"));
    return h("figure", { class: settled ? (row.why ? "refused" : "sent") : "kept" }, image, h("figcaption", {}, words), gone);
  }

  function voices(item) {
    const standing = (round.standing || {})[item.number];
    if (!standing || !standing.conflict.length) return null;
    const words = (voice) => [say(`answer_${voice.answer}`), voice.measured, both((item.modes.find((mode) => mode.key === voice.mode) || {}).name), voice.note].filter(Boolean).join(" · ");
    return notice("warn", say("conflict"), say("conflict_do"), h("ul", {}, standing.conflict.map((voice) => h("li", {}, `${voice.by} · ${words(voice)}`))));
  }

  function standingOf(item) {
    return alive(h("div", { class: "standing", role: "status" }), (element) => {
      const row = answerTo(item.number);
      const [sign, word, kind] = stateOf(item);
      const why = row && Sync.settled(row) && row.why ? both(row.why) : "";
      const undo = row && row.answer && !row.attempted && !row.settled ? h("button", { class: "plainly", onclick: () => clear(item) }, say("clear")) : null;
      fill(element, voices(item), word || undo ? h("p", { class: `small ${kind}` }, `${sign} ${word} `, undo) : null, why ? h("p", { class: "verdict bad" }, why) : null);
    });
  }

  // Place, name and number of the asset; what the place says already is not said again.
  const whereabouts = (item) => [item.place, item.asset_name, item.asset].filter((words, index) => words && (index === 0 || !item.place.includes(words))).join(" · ");

  function itemView(item) {
    const at = round.items.indexOf(item);
    const following = round.items.slice(at + 1).find(isOpen) || round.items.find((other) => other !== item && isOpen(other));
    Sync.hold(item.number);
    const note = h("textarea", { rows: 3, maxlength: 500, value: (answerTo(item.number) || {}).note || "", oninput: (event) => change(item, { note: event.target.value }) });
    const facts = [
      item.with.length ? say("with", { names: item.with.join(language === "zh" ? "、" : ", ") }) : "", item.out_of_service ? say("out_of_service") : "",
      item.qualification ? say("qualification", { name: both(item.qualification) }) : "", item.due ? say("due", { due: item.due }) : "",
    ].filter(Boolean);
    fill(main,
      h("nav", { class: "back" }, h("a", { href: "#/" }, `‹ ${say("title")}`), h("span", {}, say("item_of", { number: at + 1, all: round.items.length }))),
      h("h1", {}, both(item.what)),
      h("p", { class: "place" }, whereabouts(item)),
      h("p", { class: "small" }, [item.start ? `${item.start}–${item.end}` : "", say("minutes", { minutes: item.minutes }), ...facts].filter(Boolean).join(" · ")),
      h("section", { class: "card pass" }, h("h2", {}, say("passes")), h("p", {}, both(item.passes))),
      card(say("look_for"), both(item.look_for)),
      card(say("why"), both(item.reason), item.priority),
      sensorsOf(item),
      h("details", { class: "card" }, h("summary", {}, say("method")), h("p", {}, both(item.method))),
      choices(item), faults(item), measured(item),
      h("label", { class: "field" }, h("span", {}, say("note")), note),
      photoStrip(item.number), standingOf(item));
    dock(h("a", { class: "button second", href: "#/" }, say("to_list")),
      h("a", { class: "button first", href: following ? `#/item/${following.number}` : "#/finish" }, say(following ? "next" : "finish")));
  }

  // --- residents' requests ------------------------------------------------------------------------------------------

  function requestRow(row) {
    const settled = Sync.settled(row);
    const state = !settled ? say("state_kept") : row.why ? both(row.why) : say("state_sent");
    const gone = settled || row.attempted ? null : h("button", { class: "plainly", onclick: async () => { await Store.remove("requests", row.id); refresh(); } }, say("remove"));
    return h("li", { class: "card" }, h("p", {}, row.text), h("p", { class: "small" }, [row.place, clock(row.at), state].filter(Boolean).join(" · "), " ", gone));
  }

  function requestView() {
    const field = (key, attributes) => {
      const input = h(attributes.rows ? "textarea" : "input", { maxlength: attributes.rows ? 1000 : 200, autocomplete: "off", ...attributes });
      return [input, h("label", { class: "field" }, h("span", {}, say(key)), input)];
    };
    const [text, textField] = field("request_text", { rows: 4, required: true });
    const [where, whereField] = field("request_place", {});
    const [name, nameField] = field("request_name", {});
    const [phone, phoneField] = field("request_phone", { type: "tel" });
    const trouble = h("p", { class: "verdict bad", role: "alert" });
    const sent = alive(h("ul", { class: "requests" }), (element) => fill(element, Store.all("requests", round.id).reverse().map(requestRow)));
    const keep = async () => {
      if (!text.value.trim()) { fill(trouble, document.createTextNode(say("request_empty"))); text.focus(); return; }
      const given = await Store.next();
      await Store.put("requests", { id: `${round.id}/${given.device}:${given.seq}`, round: round.id, text: text.value.trim(), place: where.value.trim(),
        name: name.value.trim(), phone: phone.value.trim(), at: new Date().toISOString(), ...given });
      for (const input of [text, where, name, phone]) input.value = "";
      fill(trouble);
      Sync.send();
      refresh();
    };
    fill(main, h("nav", { class: "back" }, h("a", { href: "#/" }, `‹ ${say("title")}`)), h("h1", {}, say("request_add")), h("p", {}, say("request_about")),
      textField, whereField, h("details", { class: "card" }, h("summary", {}, say("request_who")), nameField, phoneField), trouble, sent);
    dock(h("a", { class: "button second", href: "#/" }, say("to_list")), h("button", { class: "first", onclick: keep }, say("request_keep")));
  }

  // --- the end of the round -----------------------------------------------------------------------------------------

  function signature() {
    const canvas = h("canvas", { width: 900, height: 360, class: "signature", role: "img", "aria-label": say("signature") });
    const keep = h("button", { class: "second", disabled: true }, say("signature_keep"));
    const pad = Camera.signing(canvas, () => { keep.disabled = false; });
    keep.addEventListener("click", async () => {
      await keepPhoto(0, "signature", await pad.picture(), new Date().toISOString());
      pad.clear();
      keep.disabled = true;
      refresh();
    });
    const strip = alive(h("div", { class: "photos" }), (element) => fill(element, Store.all("photos", round.id).filter((row) => row.kind === "signature").map(thumbnail)));
    return h("section", { class: "card" }, h("h2", {}, say("signature")), h("p", { class: "small" }, say("signature_about", { name: round.name })), canvas,
      h("div", { class: "row" }, h("button", { class: "second", onclick: () => { pad.clear(); keep.disabled = true; } }, say("signature_clear")), keep), strip);
  }

  function finishView() {
    const counts = alive(h("dl", {}), (element) => {
      const rows = [["count_done", round.items.filter((item) => !isOpen(item)).length], ["count_abnormal", round.items.filter((item) => answerOf(item) === "abnormal").length],
        ["count_open", round.items.filter(isOpen).length], ["count_requests", Store.all("requests", round.id).length],
        ["count_photos", Store.all("photos", round.id).filter((row) => row.kind === "photo").length], ["count_waiting", Sync.waiting()]];
      fill(element, rows.map(([key, count]) => h("div", { class: "fact" }, h("dt", {}, say(key)), h("dd", {}, String(count)))));
    });
    const left = alive(h("ul", { class: "left" }), (element) => fill(element, round.items.filter(isOpen).map((item) => h("li", {}, h("a", { href: `#/item/${item.number}` }, `${item.place} · ${both(item.what)}`)))));
    const wrong = alive(h("ul", { class: "left" }), (element) => fill(element, round.items.filter((item) => ["refused", "conflict"].includes(stateOf(item)[2])).map((item) => h("li", {}, h("a", { href: `#/item/${item.number}` }, `${stateOf(item)[1]} · ${item.place} · ${both(item.what)}`)))));
    fill(main, h("nav", { class: "back" }, h("a", { href: "#/" }, `‹ ${say("title")}`)), h("h1", {}, say("finish")),
      h("section", { class: "card" }, counts, wrong), signature(), round.items.some(isOpen) ? h("details", { class: "card" }, h("summary", {}, say("still_open")), left) : null,
      h("section", { class: "card" }, h("h2", {}, say("file")), h("p", { class: "small" }, say("file_about")), exportButton()),
      h("p", { class: "plain small" }, say(Store.trouble === "no_store" ? "keeps_nothing" : Store.persisted ? "keeps_well" : "keeps_perhaps")));
    dock(h("a", { class: "button second", href: "#/" }, say("to_list")),
      ALONE ? exportButton("first") : h("button", { class: "first", onclick: () => { Sync.send(); } }, say("send_now")));
  }

  async function exported() {
    await chain;
    const blob = await Sync.asFile();
    const name = `round-${round.plan}-${round.person}-${round.day}.json`;
    const address = URL.createObjectURL(blob);
    const link = h("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  }

  // --- from one view to the next ------------------------------------------------------------------------------------

  function show() {
    live = [];
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = round ? `${round.name} ${round.day}` : "serviceday";
    head();
    tell();
    if (!round) { fill(main, h("p", { class: "plain" }, refusal ? "" : say(Sync.phase === "offline" ? "not_loaded" : "loading"))); return; }
    const [, view, argument] = location.hash.split("/");
    const item = view === "item" ? round.items.find((one) => String(one.number) === argument) : null;
    Sync.hold(null);
    if (item) itemView(item);
    else if (view === "request") requestView();
    else if (view === "finish") finishView();
    else { list(); return; }
    scrollTo(0, 0);
  }

  function turned() {
    show();
    main.focus({ preventScroll: true });
    chain.then(() => Sync.send());
  }

  function speak(other) {
    language = other;
    try { localStorage.setItem("serviceday-language", other); } catch (error) { /* it is asked again next time */ }
    show();
  }

  function preferred() {
    const asked = new URLSearchParams(location.search).get("lang");
    let before = null;
    try { before = localStorage.getItem("serviceday-language"); } catch (error) { /* none is kept */ }
    const wish = asked || before || navigator.language || "en";
    return wish.toLowerCase().startsWith("zh") ? "zh" : "en";
  }

  async function adopt(data) {
    const before = Store.get("rounds", data.id);
    round = { ...data, token: TOKEN, standing: data.standing || (before && before.standing) || {} };
    Sync.begin(round, ALONE ? "" : `/round/${encodeURIComponent(TOKEN)}`);
    await Store.put("rounds", round);
    for (const row of Store.all("answers", round.id)) await numbered(row);
  }

  async function latest() {
    try {
      await adopt(await Sync.load());
      refusal = null;
    } catch (error) {
      if (error.words) refusal = error.link ? error.words : refusal;
    }
  }

  // What is done with goes after a month: rounds of long ago of which nothing waits any more.
  async function tidy() {
    const before = new Date(Date.now() - 30 * 24 * 3600 * 1000).toISOString();
    for (const old of Store.all("rounds").filter((one) => one.id !== (round || {}).id && one.loaded_at < before)) {
      const tables = ["answers", "requests", "photos"];
      if (tables.some((table) => Store.all(table, old.id).some((row) => !Sync.settled(row)))) continue;
      for (const table of tables) for (const row of Store.all(table, old.id)) await Store.remove(table, row.id);
      await Store.remove("rounds", old.id);
    }
  }

  function install() {
    if (ALONE || !("serviceWorker" in navigator)) return;
    document.head.append(h("link", { rel: "manifest", href: `/round/${encodeURIComponent(TOKEN)}/manifest` }));
    navigator.serviceWorker.register("/round/worker.js", { scope: "/round/" }).catch(() => { /* told by no_worker where it can't be */ });
  }

  const typing = () => location.hash.length > 2; // anywhere but on the list

  async function begin() {
    language = preferred();
    show();
    await Store.open();
    Store.onTrouble(refresh);
    Sync.onChange(refresh);
    if (ALONE) {
      await adopt(ALONE);
    } else {
      Sync.begin(null, `/round/${encodeURIComponent(TOKEN)}`);
      const kept = Store.all("rounds").filter((one) => one.token === TOKEN).sort((a, b) => (a.loaded_at < b.loaded_at ? 1 : -1))[0];
      if (kept) { await adopt(kept); show(); }
      latest().then(() => { if (typing() && kept) refresh(); else show(); Sync.send(); });
      install();
    }
    tidy();
    addEventListener("hashchange", turned);
    addEventListener("scroll", () => { if (!location.hash.slice(2)) place = scrollY; }, { passive: true });
    addEventListener("online", Sync.online);
    addEventListener("offline", refresh);
    document.addEventListener("visibilitychange", async () => {
      if (document.visibilityState === "hidden") {
        Sync.hold(null); // the phone is put away: what is open goes out as well
        chain.then(() => Sync.send());
      } else if (!ALONE && round) {
        await latest();
        const [, view, argument] = location.hash.split("/");
        Sync.hold(view === "item" ? Number(argument) : null);
        if (typing()) refresh(); else show();
        Sync.send();
      }
    });
    show();
  }

  return { begin, verdict, number };
})();

Page.begin();
