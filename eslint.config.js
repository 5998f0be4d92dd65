import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["explorer/pad/**/*.js"],
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-duplicate-imports": "error",
      "no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
    },
  },
  {
    files: ["explorer/pad/engine/**/*.js"],
    languageOptions: { globals: { document: "off", window: "off" } },
  },
  {
    files: ["explorer/pad/engine/spacing.js"], // coefficients as they were published
    rules: { "no-loss-of-precision": "off" },
  },
];
