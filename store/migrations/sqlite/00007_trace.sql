-- +goose Up

-- The W3C traceparent of its acceptance, which all that is done for it joins, in whatever process; written once.
ALTER TABLE bookings ADD COLUMN trace TEXT;
