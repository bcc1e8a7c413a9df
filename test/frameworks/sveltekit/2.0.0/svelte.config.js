import adapter from "@sveltejs/adapter-node";

/** @type {import("@sveltejs/kit").Config} */
export default {
  kit: {
    adapter: adapter({ out: ".generated/build" }),
    // Clients of the contract send no Origin, as no client but a browser does.
    csrf: { checkOrigin: false },
    files: {
      appTemplate: ".generated/src/app.html",
      errorTemplate: ".generated/src/error.html",
      hooks: { server: ".generated/src/hooks.server" },
      routes: ".generated/src/routes",
    },
  },
};
