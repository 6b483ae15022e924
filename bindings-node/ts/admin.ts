// Projects, keys and customers.

import { capped } from "./calls";
import type { Customer, CustomerLimits, Key, NewKey, Project, ProjectChanges } from "./types";

/** Does one step of administration. */
export type Administer = <T>(step: string, parameters: object) => Promise<T>;

/** Projects: the units that own keys, caps and caches. */
export class Projects {
  readonly #do: Administer;

  constructor(administer: Administer) {
    this.#do = administer;
  }

  /** Makes a project: `create("team-a", { monthly_cap: 20, require_customer: true })`. */
  create(project: string, settings: ProjectChanges = {}): Promise<Project> {
    return this.#do("projects.create", { project, settings: capped(settings) });
  }

  /** A project by its name or id. */
  get(project = "default"): Promise<Project> {
    return this.#do("projects.get", { project });
  }

  /** All projects, by name. */
  list(): Promise<Project[]> {
    return this.#do("projects.list", {});
  }

  /** Changes the settings that are given; `null` takes one away. Counts from the next request on. */
  set(project: string, settings: ProjectChanges): Promise<Project> {
    return this.#do("projects.set", { project, settings: capped(settings) });
  }

  /** Forgets all cached answers, those just being written too. Resolves to how many the store had. */
  purgeCache(project = "default"): Promise<number> {
    return this.#do("projects.purge_cache", { project });
  }
}

/** Gateway keys. */
export class Keys {
  readonly #do: Administer;

  constructor(administer: Administer) {
    this.#do = administer;
  }

  /** Makes a key; its `secret` is shown this once. Limits left out do not limit. */
  create(key: NewKey = {}): Promise<Key> {
    const { requests_per_minute, tokens_per_minute, concurrency, ...rest } = key;
    const rates = { requests_per_minute, tokens_per_minute, concurrency };
    return this.#do("keys.create", { ...capped(rest), rates });
  }

  /** A project's keys, newest first. */
  list(project = "default"): Promise<Key[]> {
    return this.#do("keys.list", { project });
  }

  /** Replaces a key by one with the same limits, counted together. The old one stays good for `overlap` seconds. */
  rotate(id: string, options: { overlap?: number } = {}): Promise<Key> {
    return this.#do("keys.rotate", { id, overlap: options.overlap ?? 0 });
  }

  /** Ends a key from its next use on, in every process. */
  revoke(id: string): Promise<Key> {
    return this.#do("keys.revoke", { id });
  }
}

/** Customers with limits of their own. */
export class Customers {
  readonly #do: Administer;

  constructor(administer: Administer) {
    this.#do = administer;
  }

  /** Sets all limits of a customer; those left out do not limit. */
  set(id: string, limits: Partial<CustomerLimits<string | number>>, options: InProject = {}): Promise<Customer> {
    return this.#do("customers.set", { ...options, id, limits: capped(limits) });
  }

  /** Customers by id, after `after`. */
  list(options: InProject & { after?: string; limit?: number } = {}): Promise<Customer[]> {
    return this.#do("customers.list", options);
  }

  /** Forgets limits and name. What was spent stays counted. Resolves to whether the customer was known. */
  forget(id: string, options: InProject = {}): Promise<boolean> {
    return this.#do("customers.forget", { ...options, id });
  }
}

/** Which project, by name or id; `default` where none is named. */
export interface InProject {
  project?: string;
}
