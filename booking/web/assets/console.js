// The console's own script. htmx does most of the work; this is what it cannot do.

// All HTML that scripts write passes here: it comes from this server's templates, which escape, and must hold nothing that runs.
if (window.trustedTypes) {
  const runs = /<script|<iframe|<object|<embed|\son[a-z]+\s*=|javascript:/i;
  window.trustedTypes.createPolicy("default", {
    createHTML(text) {
      if (runs.test(text)) throw new TypeError("a fragment holds something that runs");
      return text;
    },
  });
}
