// Package fence holds no code but a test: two handlers at once, stopped before
// and after every call that they make, killed there, or overtaken by the other;
// puts that arrive when nobody waits for them any more. One of the two may be a
// sweep, and what the other one hears of may have happened a while ago. After every
// schedule the tags must be where their wishes are, and must never have been on
// a digest that was neither completed nor promoted.
package fence
