"""The index operator's pages, on the index's own HTTPS side: `access` (who may look), `patience` (with wrong keys), `view`
(what there is to see, without HTTP), `plot` (drawn), `pages` (HTML).

The operator has the database, and `raakvlak-index status` counts in it what he likes. A page is something else: it is shown
to a colleague, left open on a screen, photographed for a report. So it holds only what may travel:

- Of all members together: how many rows there are and how many go in which month, and the log. Whoever follows the
  published log can count rows too (published less removed).
- Of one member: when it was last heard, whether it is suspended or must reconcile. Its rows and its queue are in hundreds
  (`view.STEP`): with exact depths, two pages of which one was made after a publication would name the two members whose
  queues both grew by one, hence who matched whom.
- Of a coordinator's queue nothing but the alarm: it grows by matches that nobody else may see.
- No count of matches, before a coordinator or not, of letters or of waiting events; no position, digest, reference, match
  id or epoch's rows; nothing at the moment of a publication, for rows are counted by the hourly sweep.

Nothing of it is in the index's database, nor written by its writer: that file is what an officer checks against a list of
tables, what `backup` copies and what `restore` puts back, and access that was ended must not come back with a backup. So
operators, sessions and the rows of each day stand in `operators.db` beside it, which may be lost: then operators are made
anew.
"""
