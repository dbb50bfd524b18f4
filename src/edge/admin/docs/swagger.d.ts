/** Files of swagger-ui-dist as the bundler gives them: a path to read from, in the executable too. What imports them says so. */
declare module "swagger-ui-dist/swagger-ui-bundle.js";
declare module "swagger-ui-dist/swagger-ui.css";
