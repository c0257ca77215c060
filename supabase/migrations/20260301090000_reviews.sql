-- What customers say about the shop. Each sees their own; nobody writes through the API.
CREATE TABLE public.reviews (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES public.customers (id),
  stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
  body text NOT NULL DEFAULT ''
);
CREATE INDEX reviews_customer ON public.reviews (customer_id);
ALTER TABLE public.reviews ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_reviews ON public.reviews FOR SELECT TO authenticated
  USING (customer_id = nullif((SELECT current_setting('request.jwt.claim.sub', true)), '')::bigint);
GRANT SELECT ON public.reviews TO anon, authenticated;
