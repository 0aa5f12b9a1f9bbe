-- Which records have which public value, as a roaring bitmap for each segment of 65536 records that is full. It can be
-- made anew from the leaves.
CREATE TABLE facet (
  segment {int} NOT NULL,
  field   TEXT NOT NULL,
  value   TEXT NOT NULL,
  bits    {bytes} NOT NULL,
  PRIMARY KEY (segment, field, value)
);
