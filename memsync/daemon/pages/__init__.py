"""The pages, one module each: what a person sees and does in the browser."""
