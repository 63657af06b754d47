import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const node = process.env.PLACEWATCH_NODE ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [svelte({ configFile: false })],
  build: {
    outDir: "../src/placewatch/console/static",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy allows no font from a data: address
    modulePreload: { polyfill: false },
    license: { fileName: "licences.md" }, // what is built in asks to be named where it is passed on
    chunkSizeWarningLimit: 1200, // MapLibre, loaded only where there is a map
    rolldownOptions: {
      output: {
        // Not every machine's table of types knows .mjs, and a worker with a wrong type is refused.
        assetFileNames: ({ names }) =>
          names[0]?.endsWith(".mjs") ? "assets/[name]-[hash].js" : "assets/[name]-[hash][extname]",
      },
    },
  },
  server: { proxy: { "/api": { target: node, changeOrigin: true } } },
});
