// Keeps the page so that it opens without a network. It never touches what people typed: that lies in IndexedDB, and a
// new version of the page reads it as the old one did. Old files go only when all of the new ones are there.
const SHELL = `round-shell-${VERSION}`;
const DATA = "round-data";
const PATIENCE = 4000; // milliseconds for the network before what is kept serves

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("round-shell-") && name !== SHELL) await caches.delete(name);
    }
    await self.clients.claim();
  })());
});

async function page() {
  const cache = await caches.open(SHELL);
  return (await cache.match("/round/shell")) || fetch("/round/shell");
}

async function own(request) {
  return (await caches.match(request)) || fetch(request);
}

// The newest round if the network gives one in time, else the one of last time.
async function data(request) {
  const cache = await caches.open(DATA);
  const late = new Promise((_, reject) => { setTimeout(() => reject(new Error("late")), PATIENCE); });
  const asked = fetch(request).then(async (answer) => {
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  });
  try {
    return await Promise.race([asked, late]);
  } catch (error) {
    const before = await cache.match(request);
    return before || asked;
  }
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin || !url.pathname.startsWith("/round/")) return;
  if (event.request.mode === "navigate") event.respondWith(page());
  else if (url.pathname.endsWith("/data")) event.respondWith(data(event.request));
  else if (!url.pathname.endsWith("/manifest")) event.respondWith(own(event.request));
});
