// What a page of Streamlit leaves out: its language, and its own words in it; the name typed here last.
(() => {
  const WORDS = __WORDS__;
  const SPOKEN = ["aria-label", "title", "placeholder", "alt"];
  const OWN = "[data-testid=stElementToolbar], [data-testid=stTooltipContent], [role=tooltip], [data-baseweb=popover], "
    + "[data-testid=stStatusWidget], [data-testid=InputInstructions], [data-baseweb=select]";
  const root = document.documentElement;

  const chinese = () => {
    const brand = document.querySelector(".sd-brand");
    const spoken = brand ? brand.lang : new URLSearchParams(location.search).get("lang") || navigator.language.slice(0, 2);
    const code = spoken === "zh" ? "zh-CN" : "en";
    if (root.lang !== code) root.lang = code;
    return code === "zh-CN";
  };
  const say = (element) => {
    for (const name of SPOKEN) {
      const words = WORDS[element.getAttribute(name)];
      if (words) element.setAttribute(name, words);
    }
  };
  const speak = (node) => {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (!element || element.nodeType !== Node.ELEMENT_NODE) return;
    say(element);
    element.querySelectorAll("[aria-label], [title], [placeholder], [alt]").forEach(say);
    if (!element.closest(OWN) && !element.querySelector(OWN)) return;
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const words = WORDS[texts.currentNode.data.trim()];
      if (words && texts.currentNode.parentElement.closest(OWN)) texts.currentNode.data = words;
    }
  };
  const look = (changes) => {
    if (!chinese()) return;
    for (const change of changes) {
      if (change.type === "childList") change.addedNodes.forEach(speak);
      else speak(change.target);
    }
  };
  new MutationObserver(look).observe(root, {
    childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: SPOKEN,
  });
  chinese();

  // Where nobody signs in, whoever acts types a name; it is there again after a reload.
  addEventListener("change", (event) => {
    const box = event.target.closest && event.target.closest("[class*=st-key-signature]");
    if (!box || event.target.tagName !== "INPUT") return;
    const name = encodeURIComponent(event.target.value.trim());
    const safe = location.protocol === "https:" ? ";secure" : "";
    document.cookie = `serviceday-signature=${name};path=/;max-age=31536000;samesite=strict${safe}`;
  }, true);
})();
