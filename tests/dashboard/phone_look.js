// What somebody with poor sight, a keyboard or a large thumb would trip over on the page.
() => {
  const visible = (element) => { const box = element.getBoundingClientRect(); return box.width > 1 && box.height > 1; };
  const colour = (words) => { const parts = words.match(/[\d.]+/g).map(Number); return words.startsWith("color(srgb") ? [...parts.slice(0, 3).map((part) => part * 255), parts[3] ?? 1] : [...parts.slice(0, 3), parts[3] ?? 1]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => { for (let at = element; at; at = at.parentElement) { const found = colour(getComputedStyle(at).backgroundColor); if (found[3] > 0.99) return found; } return [255, 255, 255]; };
  const wrong = [];
  for (const element of document.querySelectorAll("input, select, textarea, button, a, canvas, summary")) {
    const name = element.getAttribute("aria-label") || (element.labels && element.labels[0] && element.labels[0].textContent) || element.textContent;
    if (!name || !name.trim()) wrong.push(`no name: ${element.outerHTML.slice(0, 90)}`);
    const box = element.getBoundingClientRect();
    const target = element.closest("label") ? element.closest("label").getBoundingClientRect() : box;
    if (visible(element) && target.height < 32) wrong.push(`small: ${element.outerHTML.slice(0, 90)} ${target.height}`);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !visible(element) || ["SCRIPT", "NOSCRIPT", "OPTION"].includes(element.tagName) || element.closest(".hidden, :disabled")) continue;
    const [a, b] = [light(colour(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) wrong.push(`contrast ${((a + 0.05) / (b + 0.05)).toFixed(2)}: ${node.textContent.trim().slice(0, 40)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) wrong.push(`wider than the phone: ${document.documentElement.scrollWidth}`);
  return wrong;
}
