/** Files of swagger-ui-dist as the bundler gives them: a path to read from, in the executable too. */
declare module "swagger-ui-dist/swagger-ui-bundle.js" {
  const path: string;
  export { path as default };
}
declare module "swagger-ui-dist/swagger-ui.css" {
  const path: string;
  export { path as default };
}
