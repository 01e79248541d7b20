// What scripts add to pages that work without them. Each module looks for its own marks and does nothing without.
import "./keeping.js";
import "./keys.js";
import "./listing.js";
import "./menus.js";
