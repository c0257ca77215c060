-- The demo shop. Its numbers begin at 9 000 001, by which `seed-remove.sql` knows them again.
INSERT INTO customers (id, name, email) VALUES
  (9000001, 'Demo Anna', 'anna@demo.example'),
  (9000002, 'Demo Ben', 'ben@demo.example'),
  (9000003, 'Demo Cleo', 'cleo@demo.example')
ON CONFLICT (id) DO NOTHING;

INSERT INTO orders (id, customer_id, total_cents, placed_at) VALUES
  (9000001, 9000001, 1999, '2026-01-05T09:00:00Z'),
  (9000002, 9000001, 4500, '2026-02-11T15:30:00Z'),
  (9000003, 9000002, 250, '2026-03-20T11:10:00Z'),
  (9000004, 9000003, 99900, '2026-04-01T08:00:00Z'),
  (9000005, 9000003, 1200, '2026-05-17T19:45:00Z')
ON CONFLICT (id) DO NOTHING;
