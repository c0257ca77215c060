SELECT
  (SELECT count(*) FROM orders) AS orders,
  (SELECT count(*) FROM orders WHERE id BETWEEN 9000001 AND 9000999) AS demo_orders,
  (SELECT count(*) FROM customers WHERE id BETWEEN 9000001 AND 9000999) AS demo_customers
