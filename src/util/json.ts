/** What JSON can hold. Options, manifests, results and events are all of this type. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}
