export { CairnSaver, type CairnSaverOptions } from "./saver.ts";
