// Pictures: scaled down and written anew from their pixels before anything is kept, so that no metadata leaves the phone.
"use strict";

const Camera = (() => {
  const LONGEST = 1600; // pixels
  const QUALITY = 0.82;

  function blobOf(canvas) {
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/jpeg", QUALITY);
    });
  }

  async function jpeg(canvas) {
    const blob = await blobOf(canvas);
    return { bytes: await blob.arrayBuffer(), type: "image/jpeg", width: canvas.width, height: canvas.height };
  }

  // A photo as it is kept. Throws where this browser can't read the file.
  async function shrink(file) {
    const address = URL.createObjectURL(file);
    try {
      const picture = new Image();
      picture.src = address;
      await picture.decode();
      const scale = Math.min(1, LONGEST / Math.max(picture.naturalWidth, picture.naturalHeight));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(picture.naturalWidth * scale));
      canvas.height = Math.max(1, Math.round(picture.naturalHeight * scale));
      const context = canvas.getContext("2d");
      context.fillStyle = "#ffffff";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(picture, 0, 0, canvas.width, canvas.height);
      return await jpeg(canvas);
    } finally {
      URL.revokeObjectURL(address);
    }
  }

  function takenAt(file) {
    const now = Date.now();
    const week = 7 * 24 * 3600 * 1000;
    const at = file.lastModified;
    return new Date(at && at <= now && at > now - week ? at : now).toISOString();
  }

  // Draws on a canvas with finger, pen or mouse.
  function signing(canvas, onDrawn) {
    const context = canvas.getContext("2d");
    let drawn = false;
    let last = null;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
    };
    function clear() {
      context.fillStyle = "#ffffff";
      context.fillRect(0, 0, canvas.width, canvas.height);
      drawn = false;
    }
    canvas.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      last = place(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (last === null) return;
      const here = place(event);
      context.strokeStyle = "#10202e";
      context.lineWidth = 5;
      context.lineCap = "round";
      context.beginPath();
      context.moveTo(...last);
      context.lineTo(...here);
      context.stroke();
      last = here;
      if (!drawn) { drawn = true; onDrawn(); }
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });
    clear();
    return { clear, picture: () => jpeg(canvas), get drawn() { return drawn; } };
  }

  return { shrink, takenAt, signing };
})();
