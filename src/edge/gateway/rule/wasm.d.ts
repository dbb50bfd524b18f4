/** A file of wasmoon as the bundler gives it: a path to read from, in the executable too. What imports it says so. */
declare module "wasmoon/dist/glue.wasm";
