-- Takes `reviews` away with its policy and its rights. The reviews in it are lost; the backup of the run has them.
DROP TABLE public.reviews;
