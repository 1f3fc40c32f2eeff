"""What a person sees and keeps: jobs, library, page and routes."""
